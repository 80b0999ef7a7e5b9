//! Everything that can go wrong between a lake-writer and its store, and SIGKILL at every step: each acknowledged hit is one
//! row, no reader ever sees one twice, and `verify --deep` agrees (P2).
//!
//! Real processes of the real binary write into a real object store through a proxy that knows the steps of the protocol. A
//! lake goes through ten draws, each a life over a log that has grown, then through a life without any; a reader that knows
//! nothing but globs looks at it all the while. `make test` does 200 draws from a seed that it prints, `make soak` as many as
//! one likes, and MinIO's too.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod blow;
mod lake;
mod life;
mod log;
#[path = "../support/mod.rs"]
mod support;
mod tally;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use blow::{Blow, STEPS, Step};
use lake::Ground;
use log::Log;
use object_servers::Kind;
use support::Random;
use tally::Tally;

/// How many draws a lake goes through.
const DRAWS_OF_A_LAKE: usize = 10;

/// Of them, how many come while old records are likely to be there that are to be folded.
const FOLDING: usize = 4;

/// Lakes at once. They wait more than they work.
const AT_ONCE: usize = 8;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

fn clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn no_row_is_lost_or_doubled_whatever_happens_between_a_lake_writer_and_its_store() {
    let draws = number("TOOLS_LAKE_CRASH_DRAWS").unwrap_or(200) as usize;
    let seed = number("TOOLS_LAKE_CRASH_SEED").unwrap_or_else(clock);
    let is_minio = std::env::var("TOOLS_LAKE_CRASH_STORE").is_ok_and(|store| store == "minio");
    let kind = if is_minio { Kind::Minio } else { Kind::Versitygw };
    println!("{draws} draws on {kind:?}, TOOLS_LAKE_CRASH_SEED={seed}");
    let log = Log::new(DRAWS_OF_A_LAKE + 1);
    let ground = Ground::new(kind, &log);
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let first = number * DRAWS_OF_A_LAKE;
                    if first >= draws {
                        return;
                    }
                    let blows = blows(seed, number, DRAWS_OF_A_LAKE.min(draws - first), ground.has_folders);
                    let of_lake = judge(&ground, &log, number, &blows);
                    tally.lock().unwrap().merge(of_lake);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{tally}");
    assert_eq!(tally.faults, [""; 0], "TOOLS_LAKE_CRASH_SEED={seed}\n{tally}");
    // A matrix in which nothing happens proves nothing.
    for step in STEPS.into_iter().filter(|step| ground.has_folders || !matches!(step, Step::Fold | Step::Remove)) {
        assert!(draws < 200 || tally.fell_at(step) > 0, "nothing happened at step {step}: {tally}");
    }
}

/// The draws of one lake.
fn blows(seed: u64, lake: usize, draws: usize, may_fold: bool) -> Vec<Blow> {
    let mut random = Random(seed ^ ((lake as u64) << 40));
    (0..draws).map(|draw| Blow::draw(&mut random, may_fold && draw < FOLDING)).collect()
}

/// Takes a lake through its draws. What fails is a fault of the tally, and the next lake goes on.
fn judge(ground: &Ground, log: &Log, number: usize, blows: &[Blow]) -> Tally {
    let mut tally = Tally::default();
    let name = format!("lake-{number}");
    let mut lake = ground.lake(&name, log);
    let watcher = lake.watch();
    let lives = AssertUnwindSafe(|| {
        for (draw, blow) in blows.iter().enumerate() {
            let stage = draw + 1;
            let fell = life::live(&mut lake, &watcher, stage, log.ids(stage).len(), blow);
            tally.draw(blow, fell);
        }
        let stage = blows.len() + 1;
        let mut last = lake.start(stage, 0, 65_536);
        life::wait_until("the last life has written all", || watcher.rows() >= log.ids(stage).len());
        assert!(last.stop().success(), "{}", lake.log_text());
    });
    let lived = catch_unwind(lives);
    let seen = watcher.finish();
    let expected = log.ids(blows.len() + 1);
    let mut faults = seen.faults.clone();
    if let Err(failure) = lived {
        faults.push(failure.downcast_ref::<String>().cloned().unwrap_or_default());
    }
    let missing: Vec<_> = expected.difference(&seen.ids).collect();
    if !missing.is_empty() || seen.ids.len() != expected.len() {
        faults.push(format!("{} rows instead of {}, missing {missing:?}", seen.ids.len(), expected.len()));
    }
    if seen.most_twice > 0 {
        faults.push(format!("{} rows were seen twice", seen.most_twice));
    }
    faults.extend(lake.verify(blows.len() + 1).err());
    tally.lake(&seen);
    tally.folded = usize::from(lake.is_folded());
    if !faults.is_empty() {
        let kept = lake.keep().display().to_string();
        tally.faults = faults.into_iter().map(|fault| format!("{name} ({kept}): {fault}")).collect();
        tally.faults.push(format!("{name}: {blows:?}"));
    }
    tally
}
