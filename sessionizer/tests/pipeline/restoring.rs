//! What a restore says of itself while it goes on: in metrics, and to whoever asks whether the process is ready.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bus::embedded::{EmbeddedBus, Limits, Options};
use bus::{BusError, Outgoing, Reader, Record, SharedBus, Source};
use events::{Control, NextOffset, Topic};
use service::{Health, Shutdown};
use sessionizer::{Config, Mode};

use crate::between::{Between, behind};
use crate::support::*;

/// The partition that is restored. The other tests of this process have none of this number, so that its gauges are ours.
const PARTITION: u32 = 7;

/// Has readers read once for each turn that they are given.
struct Gated(Arc<Turns>);

impl Between for Gated {
    fn reader(&self, source: Source, reader: Box<dyn Reader>) -> Box<dyn Reader> {
        assert_eq!(source.partition, PARTITION, "nothing stands in the others");
        Box::new(GatedReader { reader, turns: self.0.clone() })
    }
}

#[derive(Default)]
struct Turns {
    /// How many were given, and how many asked for.
    turns: Mutex<(u32, u32)>,
    changed: Condvar,
}

impl Turns {
    fn take(&self) {
        let mut turns = self.turns.lock().unwrap();
        turns.1 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(turns, |(given, asked)| given < asked).unwrap());
    }

    fn give(&self, more: u32) {
        self.turns.lock().unwrap().0 += more;
        self.changed.notify_all();
    }

    /// Whether somebody asks for one more turn than were given, before patience ends or `is_over`.
    fn is_asked_for_more(&self, is_over: impl Fn() -> bool) -> bool {
        let begun = Instant::now();
        let mut turns = self.turns.lock().unwrap();
        while turns.1 <= turns.0 && !is_over() {
            assert!(begun.elapsed() < PATIENCE, "nobody reads, and the restore is not done");
            turns = self.changed.wait_timeout(turns, Duration::from_millis(10)).unwrap().0;
        }
        turns.1 > turns.0
    }
}

struct GatedReader {
    reader: Box<dyn Reader>,
    turns: Arc<Turns>,
}

impl Reader for GatedReader {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        self.turns.take();
        self.reader.next(timeout)
    }

    fn position(&self) -> NextOffset {
        self.reader.position()
    }
}

/// However a test ends, nobody waits for it.
struct Ends<'a>(&'a Shutdown, &'a Turns);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.cancel();
        self.1.give(1_000_000);
    }
}

/// A log of which one partition holds records, in as many batches as reads, and a state that says to run through all of it again.
fn with_much_to_restore(directory: &std::path::Path) -> (SharedBus, u64) {
    let limits = Limits { recent: 0, ..Limits::default() };
    let options = Options { partitions: PARTITION + 1, limits, ..Options::at(directory.join("bus")) };
    let bus: SharedBus = Arc::new(EmbeddedBus::open(options).unwrap());
    for n in 0..10 {
        let large = |_| Outgoing { value: vec![b'x'; 600_000].into(), ..control(PARTITION, Control::Draining) };
        let hit = Outgoing { partition: Some(PARTITION), ..hit(n, "v1", now()) };
        publish(&bus, (0..2).map(large).chain([hit]).collect());
    }
    let count = |topic| count_of(&bus, Source { topic, partition: PARTITION });
    // A bounded run makes no checkpoints.
    let bounded = Config { mode: Mode::Bounded, ..Config::default() };
    run_until(&bus, &bounded, |_| count(Topic::HitsEnriched) == 10);
    let records = count(Topic::Hits) + count(Topic::SessionsOpen);
    (bus, records)
}

fn count_of(bus: &SharedBus, source: Source) -> u64 {
    let end = bus.bounds(source).unwrap().end;
    let (mut reader, mut count) = (bus.read(source, NextOffset::START).unwrap(), 0);
    while reader.position() < end {
        count += reader.next(Duration::from_secs(1)).unwrap().len() as u64;
    }
    count
}

#[test]
fn a_restore_shows_how_far_it_is_and_nobody_is_ready_before_it_is_done() {
    let metrics = service::telemetry::install_metrics().unwrap();
    let gauge = |name: &str| -> Option<u64> {
        let series = format!("{name}{{partition=\"{PARTITION}\"}} ");
        metrics.render().lines().find_map(|line| line.strip_prefix(&series)?.parse().ok())
    };
    let progress = || (gauge("tributary_restore_records"), gauge("tributary_restore_left_offsets"));
    let directory = tempfile::tempdir().unwrap();
    let (bus, records) = with_much_to_restore(directory.path());

    let (turns, health, shutdown) = (Arc::new(Turns::default()), Health::default(), Shutdown::new());
    let gated = behind(Gated(turns.clone()), bus);
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        let _ends = Ends(&shutdown, &turns);
        let thread = scope.spawn(|| sessionizer::run(&Config::default(), &gated, &shutdown, &health));
        while turns.is_asked_for_more(|| health.is_ready()) {
            // What was read before is told by now.
            seen.extend(match progress() {
                (Some(records), Some(left)) => Some((records, left)),
                _ => None,
            });
            assert!(!health.is_ready(), "ready in the middle of a restore: {seen:?}");
            turns.give(1);
        }
        let says = |part: &Option<String>| part.as_ref().is_some_and(|why| why.starts_with("restoring partition 7 ("));
        assert!(health.is_ready() && !health.report().values().any(says), "{:?}", health.report());
        assert_eq!(progress(), (Some(records), Some(0)));
        shutdown.cancel();
        thread.join().unwrap().unwrap();
    });
    // The state is one read, the log ten: each of them showed.
    assert!(seen.len() >= 10, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "records read grow: {seen:?}");
    let of_the_log = &seen[seen.len() - 9..];
    assert!(of_the_log.windows(2).all(|pair| pair[0].1 > pair[1].1), "what is left falls: {seen:?}");
}

/// The state of partition 0 while its topic is cleaned. The first reader is slow: it has read what was ended later, and comes to
/// the tombstones when they are gone. Those after it find nothing of either.
struct Cleaned {
    /// The keys that have a tombstone.
    ended: BTreeSet<Vec<u8>>,
    /// What stands before this was read before anything was ended.
    begun: NextOffset,
    slow: Duration,
    readers: Arc<AtomicU32>,
}

impl Between for Cleaned {
    fn reader(&self, source: Source, reader: Box<dyn Reader>) -> Box<dyn Reader> {
        if source != STATE {
            return reader;
        }
        let is_first = self.readers.fetch_add(1, Ordering::SeqCst) == 0;
        let (read, wait) = if is_first { (self.begun, self.slow) } else { (NextOffset::START, Duration::ZERO) };
        Box::new(CleanedReader { reader, ended: self.ended.clone(), read, wait })
    }
}

struct CleanedReader {
    reader: Box<dyn Reader>,
    ended: BTreeSet<Vec<u8>>,
    read: NextOffset,
    wait: Duration,
}

impl Reader for CleanedReader {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        std::thread::sleep(self.wait);
        let mut records = self.reader.next(timeout)?;
        let is_ended = |record: &Record| record.key.as_deref().is_some_and(|key| self.ended.contains(key));
        records.retain(|record| !is_ended(record) || record.offset.0 < self.read.0);
        Ok(records)
    }

    fn position(&self) -> NextOffset {
        self.reader.position()
    }
}

const STATE: Source = Source { topic: Topic::SessionsOpen, partition: 0 };

fn keys_with_a_tombstone(bus: &SharedBus) -> BTreeSet<Vec<u8>> {
    let end = bus.bounds(STATE).unwrap().end;
    let (mut reader, mut keys) = (bus.read(STATE, NextOffset::START).unwrap(), BTreeSet::new());
    while reader.position() < end {
        let mut records = reader.next(Duration::from_secs(1)).unwrap();
        records.retain(|record| record.value.is_none());
        keys.extend(records.iter().filter_map(|record| Some(record.key.as_deref()?.to_vec())));
    }
    keys
}

#[test]
fn a_restore_that_takes_longer_than_tombstones_stay_starts_over_and_no_session_stands_again() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let put = |n, visitor| publish(&bus, vec![Outgoing { partition: Some(0), ..hit(n, visitor, now()) }]);
    put(1, "v1");
    run_until(&bus, &Config::default(), |bus| read(bus, Topic::HitsEnriched).len() == 1);
    let begun = bus.bounds(STATE).unwrap().end;
    // Its session becomes final, and then its stub expires.
    let short = Config { checkpoint_interval: Duration::from_millis(50), ..hasty(200) };
    run_until(&bus, &short, |bus| !keys_with_a_tombstone(bus).is_empty());

    put(2, "v2");
    let (within, readers) = (Duration::from_secs(1), Arc::new(AtomicU32::new(0)));
    let slow = within + within / 10;
    let cleaned = Cleaned { ended: keys_with_a_tombstone(&bus), begun, slow, readers: readers.clone() };
    let config = Config { read_state_within: within, ..hasty(200) };
    let visitors = |bus: &SharedBus| -> Vec<String> {
        read(bus, Topic::Sessions).iter().map(|session| session["visitor_id"].as_str().unwrap().to_owned()).collect()
    };
    run_until(&behind(cleaned, bus.clone()), &config, |bus| visitors(bus).contains(&"v2".to_owned()));
    assert!(readers.load(Ordering::SeqCst) >= 2, "the state was read once");
    assert_eq!(visitors(&bus), ["v1", "v2"]);
}
