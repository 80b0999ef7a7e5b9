//! Partitions that cannot be read to their ends, as where somebody's transaction stays open, and those that can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bus::embedded::{EmbeddedBus, Options};
use bus::{BusError, Outgoing, Reader, Record, SharedBus, Source, Worker};
use events::{NextOffset, Topic};
use service::{Health, Shutdown};
use sessionizer::Config;

use crate::between::{Between, behind};
use crate::support::{PATIENCE, StopsAtTheEnd, hit, now, publish, run_until};

/// More than are restored at once.
const PARTITIONS: u32 = 24;
const LAST: u32 = PARTITIONS - 1;

/// The states of all partitions but the last come to no end.
#[derive(Clone, Default)]
struct Held {
    is_over: Arc<AtomicBool>,
    joined: Arc<AtomicU32>,
}

impl Between for Held {
    fn worker(&self, worker: Box<dyn Worker>) -> Box<dyn Worker> {
        self.joined.fetch_add(1, Ordering::SeqCst);
        worker
    }

    fn reader(&self, source: Source, reader: Box<dyn Reader>) -> Box<dyn Reader> {
        let is_held = source.topic == Topic::SessionsOpen && source.partition != LAST;
        if is_held { Box::new(HeldReader { reader, is_over: self.is_over.clone() }) } else { reader }
    }
}

struct HeldReader {
    reader: Box<dyn Reader>,
    is_over: Arc<AtomicBool>,
}

impl Reader for HeldReader {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        if self.is_over.load(Ordering::SeqCst) {
            return self.reader.next(timeout);
        }
        std::thread::sleep(timeout.min(Duration::from_millis(10)));
        Ok(Vec::new())
    }

    fn position(&self) -> NextOffset {
        self.reader.position()
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_other_partitions_go_on_and_ready_says_what_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { partitions: PARTITIONS, ..Options::at(directory.path().join("bus")) };
    let bus: SharedBus = Arc::new(EmbeddedBus::open(options).unwrap());
    let enriched = |partition| bus.bounds(Source { topic: Topic::HitsEnriched, partition }).unwrap().end.0;
    let send = |n: u32, partition| {
        let hit = hit(u128::from(n), "v1", now());
        publish(&bus, vec![Outgoing { partition: Some(partition), ..hit }]);
    };
    let config = Config { stuck_after: Duration::from_millis(50), ..Config::default() };
    (0..PARTITIONS).for_each(|partition| send(partition, partition));
    run_until(&bus, &config, |_| (0..PARTITIONS).all(|n| enriched(n) == 1));

    let (held, health, shutdown) = (Held::default(), Health::default(), Shutdown::new());
    let standing = behind(held.clone(), bus.clone());
    std::thread::scope(|scope| {
        let _stops = StopsAtTheEnd(&shutdown);
        let thread = scope.spawn(|| sessionizer::run(&config, &standing, &shutdown, &health));
        send(100, LAST);
        wait_until("the last partition's hit", || enriched(LAST) == 2);
        let report = health.report()["sessionizer"].clone().unwrap();
        assert!(report.contains("sessions.open/0 can be read up to 0 and not to "), "{report}");
        held.is_over.store(true, Ordering::SeqCst);
        wait_until("the end of it", || health.is_ready());
        send(101, 0);
        wait_until("the first partition's hit", || enriched(0) == 2);
        assert_eq!(held.joined.load(Ordering::SeqCst), 1, "nobody began anew");
        shutdown.cancel();
        thread.join().unwrap().unwrap();
    });
}
