//! What stands on a partition beside committed records, and how readers get past it.

use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::{Output, Polled, SharedBus, Source, Step};
use events::{NextOffset, Topic};
use futures::executor::block_on;
use kafka_broker::Broker;
use rdkafka::admin::AdminOptions;
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::{self, ENRICHED, HITS};

#[test]
fn a_transaction_is_read_once_it_is_committed_and_an_aborted_one_is_passed() {
    let broker = kafka_broker::shared().bootstrap();
    let prefix = kafka_broker::topic_prefix("reading");
    let bus = support::open(&prefix);
    let topic = format!("{prefix}hits.enriched");
    let start = NextOffset::START;

    let pending = support::open_transaction(&broker, &format!("{prefix}raw"), &topic, "a");
    let end = bus.bounds(ENRICHED).unwrap().end;
    assert!(end > start, "the end counts what is not committed yet");
    let mut reader = bus.read(ENRICHED, start).unwrap();
    assert_eq!(reader.next(Duration::from_secs(1)).unwrap(), []);
    assert_eq!(reader.position(), start, "the position stays before what is open");

    pending.abort_transaction(PATIENCE).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while reader.position() < end {
        assert!(Instant::now() < deadline, "the reader stays before an aborted transaction");
        assert_eq!(reader.next(Duration::from_millis(200)).unwrap(), []);
    }
    for (value, is_kept) in [("b", true), ("c", false), ("d", true), ("e", true), ("f", false), ("g", false)] {
        let pending = support::open_transaction(&broker, &format!("{prefix}raw"), &topic, value);
        if is_kept {
            pending.commit_transaction(PATIENCE).unwrap();
        } else {
            pending.abort_transaction(PATIENCE).unwrap();
        }
        // To the end each time: before a marker, behind one, and behind an aborted transaction.
        drop(support::read_to_end(&bus, ENRICHED, start));
    }
    assert_eq!(support::values(&support::read_to_end(&bus, ENRICHED, start)), ["b", "d", "e"]);
    let last = NextOffset(bus.bounds(ENRICHED).unwrap().end.0 - 1);
    assert_eq!(support::read_to_end(&bus, ENRICHED, last), [], "the marker alone");
}

#[test]
fn a_worker_is_told_an_end_behind_the_markers() {
    let broker = kafka_broker::shared().bootstrap();
    let prefix = kafka_broker::topic_prefix("reading");
    let bus = support::open(&prefix);
    let pending = support::open_transaction(&broker, &format!("{prefix}raw"), &format!("{prefix}hits"), "a");
    pending.commit_transaction(PATIENCE).unwrap();
    // A commit is said to be done before its markers are written.
    let deadline = Instant::now() + PATIENCE;
    let end = NextOffset(2);
    while bus.bounds(HITS).unwrap().end < end {
        assert!(Instant::now() < deadline, "the marker does not come");
    }

    let mut worker = support::join(&bus, Some("i"));
    let read = support::next_records(&mut *worker);
    assert_eq!(support::values(&read), ["a"]);
    let position = support::poll_until(&mut *worker, |polled| match polled {
        Polled::End { source: HITS, position } => Some(position),
        _ => None,
    });
    assert_eq!((position, read[0].offset.next() < end), (end, true));
}

/// Of four records the first three are gone, and the group's position lies among those.
fn with_a_position_that_was_removed() -> SharedBus {
    let prefix = kafka_broker::topic_prefix("reading");
    let bus = support::open(&prefix);
    support::publish(&bus, HITS, &["a", "b", "c", "d"]);
    let mut worker = support::join(&bus, Some("i"));
    let read = support::next_records(&mut *worker);
    worker.commit(Step { outputs: &[], positions: &[(HITS, read[0].offset.next())] }).unwrap();
    drop(worker);

    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&format!("{prefix}hits"), 0, Offset::Offset(3)).unwrap();
    let admin = support::admin(&kafka_broker::shared().bootstrap());
    block_on(admin.delete_records(&before, &AdminOptions::new())).unwrap();
    bus
}

#[test]
fn what_was_removed_is_jumped_over() {
    let bus = with_a_position_that_was_removed();

    assert_eq!(bus.bounds(HITS).unwrap().start, NextOffset(3));
    assert_eq!(support::values(&support::read_to_end(&bus, HITS, NextOffset::START)), ["d"]);
    let mut worker = support::join(&bus, Some("i"));
    assert_eq!(support::values(&support::next_records(&mut *worker)), ["d"]);
}

/// Who takes a source up somewhere else, long after it was assigned, is not told that its old position is gone.
#[test]
fn a_paused_source_whose_position_was_removed_is_sought_in() {
    let bus = with_a_position_that_was_removed();
    let mut worker = support::join(&bus, Some("i"));
    support::poll_until(&mut *worker, |polled| match polled {
        Polled::Assigned(all) => all.iter().any(|assigned| assigned.source == HITS).then_some(()),
        _ => None,
    });
    worker.pause(HITS).unwrap();
    for _ in 0..10 {
        let polled = worker.poll(Duration::from_millis(100)).unwrap();
        assert!(!matches!(polled, Polled::Records { source: HITS, .. }), "{polled:?}");
    }
    worker.seek(HITS, NextOffset(3)).unwrap();
    worker.resume(HITS).unwrap();
    assert_eq!(support::values(&support::next_records(&mut *worker)), ["d"]);
}

#[test]
fn a_compacted_partition_is_read_to_its_end() {
    let state = Source { topic: Topic::SessionsOpen, partition: 1 };
    let broker = Broker::start(kafka_broker::Options::new().property("log.cleaner.backoff.ms", 100));
    let bootstrap = broker.bootstrap();
    let bus: bus::SharedBus =
        std::sync::Arc::new(bus::kafka::KafkaBus::open(support::at(&bootstrap, "compacted.")).unwrap());
    let eager = [
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "LogAppendTime"),
        ("segment.ms", "200"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("max.compaction.lag.ms", "200"),
        ("delete.retention.ms", "0"),
    ];
    support::set(&bootstrap, "compacted.sessions.open", &eager);

    let mut worker = support::join(&bus, Some("i"));
    support::poll_until(&mut *worker, |polled| matches!(polled, Polled::Assigned(_)).then_some(()));
    let deadline = Instant::now() + PATIENCE;
    let mut written = 0;
    // Steps of three keys each, the last of which is a tombstone: what compaction leaves has holes at every place.
    loop {
        let key = |n: i32| format!("k{}", n % 5);
        let keys = [key(written), key(written + 1), key(written + 2)];
        let outputs: Vec<_> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| Output {
                target: state,
                key: Some(key.as_bytes()),
                value: (at < 2).then_some(b"v".as_slice()),
            })
            .collect();
        worker.commit(Step { outputs: &outputs, positions: &[] }).unwrap();
        written += 3;
        let left = support::read_to_end(&bus, state, NextOffset::START);
        if written > 30 && (left.len() as i32) < written / 2 {
            return;
        }
        assert!(Instant::now() < deadline, "nothing is compacted: {} of {written} records are left", left.len());
        std::thread::sleep(Duration::from_millis(100));
    }
}
