//! One draw: a lake-writer lives, something goes wrong, and it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use object_servers::Plan;

use crate::blow::{Blow, Kind, Step};
use crate::lake::Lake;
use crate::support::process::{PATIENCE, Process};
use crate::support::watcher::Watcher;

/// How long a request hangs before its process is killed.
const HANGS: Duration = Duration::from_millis(100);

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(5);

/// What becomes of a process that lives until all its rows stand.
enum End {
    /// It stands, and they do; or it is frozen. It may have been told to stop.
    Written(Running),
    /// It was killed by the blow.
    Killed,
    /// It ended by itself, at its start: a store that does not do what it must is refused.
    Refused,
}

/// A process, and whether it was told to stop: told again, it stops at once.
struct Running {
    process: Process,
    is_told: bool,
}

/// Lives one life on a lake whose log has come to that stage. Gives whether the blow fell.
pub(crate) fn live(lake: &mut Lake<'_>, watcher: &Watcher, stage: usize, rows: usize, blow: &Blow) -> bool {
    let (plan, happened) = blow.plan();
    if matches!(blow.kind, Kind::Ghost | Kind::Zombie) {
        lake.proxies[0].hold();
    }
    let strikes = lake.proxies[0].strikes();
    let process = lake.start(stage, 0, blow.sizes[0]);
    if let Some(signal) = blow.signal() {
        lake.proxies[0].strike(process.pid(), signal);
    }
    // Only now, so that the blow finds its victim however late this thread goes on.
    lake.proxies[0].plan(plan);
    let second = (blow.kind == Kind::TwoAtOnce).then(|| {
        lake.proxies[1].plan(Plan::seeded(blow.seed ^ 1, 6, &object_servers::Fault::AT_ONCE));
        lake.start(stage, 1, blow.sizes[1])
    });
    let life = Life { watcher, rows, blow, happened: &happened };
    let end = life.until_written_or_struck(lake, Running { process, is_told: false });
    if let (Kind::Ghost | Kind::Zombie, true) = (blow.kind, happened.load(Ordering::Relaxed)) {
        wait_until("the blow has fallen", || lake.proxies[0].strikes() > strikes);
        another_goes_on(lake, &life, stage, end);
    } else {
        life.end(lake, end);
    }
    if let Some(mut second) = second {
        // By then it hears when it is told to stop.
        wait_until("the second one has begun", || !lake.proxies[1].asked().is_empty() || second.ended().is_some());
        let end = life.until_written_or_struck(lake, Running { process: second, is_told: false });
        life.end(lake, end);
    }
    lake.calm();
    happened.load(Ordering::Relaxed)
}

/// What was held arrives when another lake-writer has written everything.
fn another_goes_on(lake: &mut Lake<'_>, life: &Life<'_>, stage: usize, first: End) {
    lake.proxies[1].asked();
    let mut second = lake.start(stage, 1, life.blow.sizes[1]);
    wait_until("another one has begun", || !lake.proxies[1].asked().is_empty());
    wait_until("the other one has written all", || life.all_is_written() || second.ended().is_some());
    assert!(life.all_is_written(), "{}: {}", lake.name, lake.log_text());
    let mut first = match first {
        End::Written(first) => Some(first),
        End::Killed | End::Refused => None,
    };
    if life.blow.ends_by_kill {
        second.kill();
    }
    lake.proxies[0].release();
    if let Some(first) = &mut first {
        first.process.signal("CONT");
        first.stop(lake, life.blow);
    }
    if !life.blow.ends_by_kill {
        Running { process: second, is_told: false }.stop(lake, life.blow);
    }
    // Time for what was held to be done by the store.
    std::thread::sleep(HANGS);
}

struct Life<'a> {
    watcher: &'a Watcher,
    /// Hits that the log holds at this stage, late ones among them.
    rows: usize,
    blow: &'a Blow,
    happened: &'a AtomicBool,
}

impl Life<'_> {
    fn all_is_written(&self) -> bool {
        self.watcher.rows() >= self.rows
    }

    /// Waits until all rows stand, or the process is killed, frozen, or hangs. One that has written everything before the
    /// blow fell is told to stop: the blow may fall then.
    fn until_written_or_struck(&self, lake: &Lake<'_>, mut running: Running) -> End {
        let began = Instant::now();
        loop {
            let has_happened = self.happened.load(Ordering::Relaxed);
            if let Some(status) = running.process.ended() {
                let was_killed = self.blow.signal() == Some("KILL") && has_happened;
                if was_killed && !status.success() {
                    return End::Killed;
                }
                if running.is_told && status.success() {
                    return End::Killed;
                }
                assert!(self.may_refuse(), "{} ended by itself, {status}: {}", lake.name, lake.log_text());
                return End::Refused;
            }
            match self.blow.kind {
                Kind::HangAndKill if has_happened => {
                    std::thread::sleep(HANGS);
                    running.process.kill();
                    return End::Killed;
                }
                Kind::Zombie if has_happened => return End::Written(running),
                _ if !self.all_is_written() => {}
                kind if kind.takes_the_process() => running.tell(),
                _ => return End::Written(running),
            }
            assert!(began.elapsed() < PATIENCE, "{} does not come to an end: {}", lake.name, lake.log_text());
            std::thread::sleep(LOOK);
        }
    }

    /// Whether a start may fail: one that meets a fault too many says so and ends.
    fn may_refuse(&self) -> bool {
        let everywhere = matches!(self.blow.kind, Kind::BadLine | Kind::TwoAtOnce);
        everywhere || (self.blow.step == Step::Start && self.happened.load(Ordering::Relaxed))
    }

    fn end(&self, lake: &Lake<'_>, end: End) {
        let End::Written(mut running) = end else { return };
        if self.blow.ends_by_kill {
            running.process.kill();
        } else {
            running.stop(lake, self.blow);
        }
    }
}

impl Running {
    /// Tells it to stop, once.
    fn tell(&mut self) {
        if !self.is_told {
            self.process.signal("TERM");
            self.is_told = true;
        }
    }

    /// Wants it to end in good order.
    fn stop(&mut self, lake: &Lake<'_>, blow: &Blow) {
        self.tell();
        let status = self.process.wait().unwrap_or_else(|| panic!("{} does not stop: {}", lake.name, lake.log_text()));
        // One whose start met a fault may have been refused.
        assert!(status.success() || blow.step == Step::Start, "{} ends with {status}: {}", lake.name, lake.log_text());
    }
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(LOOK);
    }
}
