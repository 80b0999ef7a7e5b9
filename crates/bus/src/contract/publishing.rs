//! Publishing and reading along.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use events::{NextOffset, Topic};
use futures::executor::block_on;
use futures::future;

use super::*;
use crate::BusError;
use crate::partitioner::partition_of;

/// Offsets rise, append times do not fall, and values come in the order in which they were published.
pub fn records_of_a_partition_keep_their_order(backend: &dyn Backend) {
    let bus = backend.make();
    let expected: Vec<_> = (0..500).map(|n| n.to_string()).collect();
    let pending: Vec<_> = expected.iter().map(|value| bus.publish(vec![to(hits(1), value.clone())])).collect();
    block_on(future::try_join_all(pending)).expect("the bus takes records");

    let records = read_all(&bus, hits(1));
    assert_eq!(values(&records), expected);
    assert!(records.is_sorted_by(|a, b| a.offset < b.offset && a.append_time <= b.append_time));
}

/// However publishers interleave, the records of each stand in its own order.
pub fn concurrent_publishers_keep_their_own_order(backend: &dyn Backend) {
    let bus = backend.make();
    std::thread::scope(|scope| {
        for publisher in 0..4 {
            let bus = &bus;
            scope.spawn(move || {
                for n in 0..50 {
                    publish(bus, vec![to(hits(0), format!("{publisher} {n}"))]);
                }
            });
        }
    });
    let all = values(&read_all(&bus, hits(0)));
    for publisher in 0..4 {
        let own: Vec<_> = all.iter().filter(|value| value.starts_with(&format!("{publisher} "))).collect();
        let expected: Vec<_> = (0..50).map(|n| format!("{publisher} {n}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>());
    }
}

/// One call may hold records for everywhere.
pub fn one_call_reaches_every_topic_and_partition(backend: &dyn Backend) {
    let bus = backend.make();
    let sources =
        || Topic::ALL.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |p| Source { topic, partition: p }));
    publish(&bus, sources().map(|source| to(source, source.to_string())).collect());
    for source in sources() {
        assert_eq!(values(&read_all(&bus, source)), [source.to_string()]);
    }
}

/// Keys go where other clients' records with the same key go.
pub fn a_key_chooses_the_partition_that_the_java_client_would(backend: &dyn Backend) {
    let bus = backend.make();
    let keys: Vec<_> = (0..100).map(|n| format!("example.org/visitor-{n}")).collect();
    let keyed = |key: &String| Outgoing {
        topic: Topic::Hits,
        partition: None,
        key: Some(Bytes::from(key.clone())),
        value: Bytes::from(key.clone()),
        append_time: None,
    };
    publish(&bus, keys.iter().map(keyed).collect());
    publish(&bus, keys.iter().map(keyed).collect());

    for partition in 0..PARTITIONS {
        let here: Vec<_> = keys.iter().filter(|key| partition_of(key.as_bytes(), PARTITIONS) == partition).collect();
        let records = read_all(&bus, hits(partition));
        assert_eq!(records.len(), 2 * here.len());
        assert!(
            here.iter().all(|key| records.iter().filter(|r| r.key.as_deref() == Some(key.as_bytes())).count() == 2)
        );
    }
}

/// A record without a key has none when it is read.
pub fn a_null_key_is_read_back_as_none(backend: &dyn Backend) {
    let bus = backend.make();
    let nameless = |partition, n: i32| Outgoing {
        topic: Topic::Rejected,
        partition,
        key: None,
        value: Bytes::from(n.to_string()),
        append_time: None,
    };
    publish(&bus, (0..40).map(|n| nameless(None, n)).chain([nameless(Some(0), 40)]).collect());

    let all: Vec<_> =
        (0..PARTITIONS).flat_map(|partition| read_all(&bus, Source { topic: Topic::Rejected, partition })).collect();
    assert!(all.iter().all(|record| record.key.is_none()));
    let seen: BTreeSet<_> = values(&all).into_iter().collect();
    assert_eq!((all.len(), seen.len()), (41, 41));
}

/// An empty call resolves.
pub fn nothing_to_publish_is_fine(backend: &dyn Backend) {
    let bus = backend.make();
    publish(&bus, Vec::new());
    let bounds = bus.bounds(hits(0)).unwrap();
    assert_eq!(bounds.start, bounds.end);
}

/// What was acknowledged is there again, at the same offsets (P1).
pub fn acknowledged_records_stand_after_a_restart(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(2), &["a", "b", "c"]);
    let before = read_all(&bus, hits(2));
    let bus = backend.restart(bus);
    assert_eq!(read_all(&bus, hits(2)), before);

    publish_values(&bus, hits(2), &["d"]);
    let after = read_all(&bus, hits(2));
    assert_eq!(values(&after), ["a", "b", "c", "d"]);
    assert!(after.is_sorted_by(|a, b| a.offset < b.offset && a.append_time <= b.append_time));
}

/// The log's identity outlives the process; another log has another one.
pub fn a_log_keeps_its_id_and_its_partitions(backend: &dyn Backend) {
    let bus = backend.make();
    let id = bus.log_id().unwrap();
    let bus = backend.restart(bus);
    assert_eq!(bus.log_id().unwrap(), id);
    assert_eq!(bus.partitions(), PARTITIONS);
    assert_ne!(backend.make().log_id().unwrap(), id);
}

/// The start stays while nothing is removed, and the end lies behind the last record.
pub fn bounds_follow_what_is_published(backend: &dyn Backend) {
    let bus = backend.make();
    let empty = bus.bounds(hits(3)).unwrap();
    assert_eq!(empty.start, empty.end);

    publish_values(&bus, hits(3), &["a", "b"]);
    let bounds = bus.bounds(hits(3)).unwrap();
    let records = read_all(&bus, hits(3));
    assert_eq!(bounds.start, empty.start);
    assert!(records[0].offset.0 >= bounds.start.0);
    assert!(bounds.end >= records[1].offset.next());
    assert_eq!(bus.bounds(hits(2)).unwrap(), empty);
}

/// Reading begins at the position asked for, and its position says where it goes on.
pub fn a_reader_starts_where_it_is_told(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["a", "b", "c", "d"]);
    let all = read_all(&bus, hits(0));

    let mut reader = bus.read(hits(0), at(&all[2])).unwrap();
    assert_eq!(reader.position(), at(&all[2]));
    let mut rest = Vec::new();
    while rest.len() < 2 {
        rest.extend(reader.next(PATIENCE).unwrap());
    }
    assert_eq!(rest, all[2..]);
    assert!(reader.position() >= all[3].offset.next());
    assert_eq!(reader.next(Duration::ZERO).unwrap(), []);
}

/// A reader that waits hears of new records long before its timeout.
pub fn a_reader_at_the_end_is_woken_by_a_publish(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["old"]);
    let end = bus.bounds(hits(0)).unwrap().end;
    let mut reader = bus.read(hits(0), end).unwrap();
    let started = Instant::now();
    let woken = std::thread::spawn(move || reader.next(10 * PATIENCE).unwrap());
    std::thread::sleep(Duration::from_millis(100));
    publish_values(&bus, hits(0), &["new"]);
    assert_eq!(values(&woken.join().unwrap()), ["new"]);
    assert!(started.elapsed() < PATIENCE, "the reader slept on");
}

/// A partition beyond the last is an error everywhere, and nothing of such a call stands.
pub fn a_partition_that_does_not_exist_is_refused(backend: &dyn Backend) {
    let bus = backend.make();
    let beyond = hits(PARTITIONS);
    assert!(matches!(bus.bounds(beyond), Err(BusError::Refused(_))));
    assert!(matches!(bus.read(beyond, NextOffset::START), Err(BusError::Refused(_))));
    let both = vec![to(hits(0), "a"), to(beyond, "b")];
    assert!(matches!(block_on(bus.publish(both)), Err(BusError::Refused(_))));
    assert_eq!(read_all(&bus, hits(0)), []);
}
