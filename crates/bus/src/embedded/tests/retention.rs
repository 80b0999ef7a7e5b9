//! What goes and what stays.

use events::Span;

use super::super::batch::Batch;
use super::super::{file, transaction};
use super::*;
use crate::Output;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn open_at(directory: &Path, clock: &TestClock, retention: Retention) -> EmbeddedBus {
    // Nothing stays in memory, so that the disk is what is looked at.
    let limits = Limits { recent: 0, ..Limits::default() };
    let clock = clock.as_clock();
    EmbeddedBus::open(Options { clock, retention, limits, ..options(directory) }).unwrap()
}

#[test]
fn old_batches_go_and_offsets_are_never_given_twice() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let bus = open_at(directory.path(), &clock, Retention::default());
    for day in 0..10 {
        clock.set(START + Span::from_hours(24 * day));
        publish(&bus, day.to_string());
    }
    bus.enforce_retention(START + Span::from_hours(24 * 9)).unwrap();
    assert_eq!(bus.bounds(HITS).unwrap(), Bounds { start: NextOffset(2), end: NextOffset(10) });
    assert_eq!(values(&read_from(&bus, HITS, NextOffset(0)).unwrap())[0], "2");

    bus.enforce_retention(START + Span::from_hours(24 * 30)).unwrap();
    drop(bus);
    let bus = open_at(directory.path(), &clock, Retention::default());
    assert_eq!(bus.bounds(HITS).unwrap(), Bounds { start: NextOffset(10), end: NextOffset(10) });
    publish(&bus, "next");
    let records = read_from(&bus, HITS, NextOffset(0)).unwrap();
    assert_eq!((values(&records), records[0].offset.0), (vec!["next"], 10));
}

#[test]
fn keys_of_days_go_after_two_days_and_leave_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    clock.set(START);
    let bus = open_at(directory.path(), &clock, Retention::FOREVER);
    let salts = Source { topic: Topic::Salts, partition: 0 };
    let key = b"the key of a day";
    let record = Outgoing { topic: Topic::Salts, partition: Some(0), ..hit(&key[..]) };
    block_on(bus.publish(vec![record])).unwrap();
    publish(&bus, "a hit");
    let stands = || {
        let files = ["log.db", "log.db-wal"].map(|name| std::fs::read(directory.path().join(name)).unwrap());
        files.iter().any(|bytes| bytes.windows(key.len()).any(|window| window == key))
    };
    bus.enforce_retention(START + Span::from_hours(48)).unwrap();
    assert_eq!((read_from(&bus, salts, NextOffset(0)).unwrap().len(), stands()), (1, true));
    bus.enforce_retention(START + Span::from_hours(48) + Span::from_millis(1)).unwrap();
    assert_eq!((read_from(&bus, salts, NextOffset(0)).unwrap().len(), stands()), (0, false));
    assert_eq!(read_from(&bus, HITS, NextOffset(0)).unwrap().len(), 1);
}

#[test]
fn what_was_removed_is_told_though_the_write_ahead_log_cannot_be_emptied() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    let paths = file::Paths::of(&options.path);
    let file::Opened { connection, .. } = file::open(&options, &paths).unwrap();
    let (tail, committed) = load(&connection, &paths.log, &options).unwrap();
    let (queue, counters) = (Queue::new(options.limits.queue), Counters::default());
    let shared = Shared { partitions: 1, queue, tail, committed, counters };
    let salts = Source { topic: Topic::Salts, partition: 0 };
    let key = b"the key of a day";
    let mut segments = Segments::default();
    segments.push(salts, None, Some(key), None);
    let segment = segments.into_list().remove(0);
    let (base, next, layout) = (events::Offset(0), NextOffset(1), segment.layout());
    let batch = Batch { base, next, taken: START, layout, bytes: segment.bytes.into() };
    transaction::commit(&connection, &[(salts, batch.clone())], &[]).unwrap();
    shared.tail.append(vec![(salts, batch)]);

    let mut housekeeping = Housekeeping::new(Retention::FOREVER);
    let mut at = |now| housekeeping.all(&connection, &paths.log, &shared, now).unwrap();
    let (later, stands) = (START + Span::from_hours(49), || {
        std::fs::read(&paths.wal).unwrap().windows(key.len()).any(|window| window == key)
    });
    let mut query = connection.prepare("SELECT * FROM partitions").unwrap();
    let mut reading = query.query([]).unwrap();
    // A statement that is under way lets no checkpoint of its connection begin.
    assert!(reading.next().unwrap().is_some());
    at(later);
    let told = shared.tail.standing(salts);
    assert_eq!((told.start, told.bytes, stands()), (NextOffset(1), 0, true));
    drop(reading);
    at(later);
    assert!(!stands(), "it is tried again");
}

#[test]
fn a_reader_and_a_worker_that_were_overtaken_go_on_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    clock.set(START);
    let bus = open_at(directory.path(), &clock, Retention::default());
    let mut worker = join(&bus);
    let mut reader = bus.read(HITS, NextOffset(0)).unwrap();
    publish(&bus, "old");
    clock.set(START + Span::from_hours(24 * 8));
    publish(&bus, "new");
    bus.enforce_retention(START + Span::from_hours(24 * 8)).unwrap();
    assert_eq!(values(&reader.next(Duration::ZERO).unwrap()), ["new"]);
    let polled = worker.poll(Duration::ZERO).unwrap();
    assert!(matches!(polled, Polled::Records { records, .. } if values(&records) == ["new"]));
}

#[test]
fn what_goes_before_a_group_has_committed_it_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    clock.set(START);
    let bus = open_at(directory.path(), &clock, Retention::default());
    let expire = |bus: &EmbeddedBus| {
        bus.enforce_retention(START + Span::from_hours(24 * 8)).unwrap();
        bus.condition().expired_uncommitted
    };
    publish(&bus, "a");
    assert_eq!(expire(&bus), 0, "nobody reads it");

    for value in ["b", "c", "d"] {
        publish(&bus, value);
    }
    let mut worker = join(&bus);
    let committed = |at| Step { outputs: &[], positions: at };
    worker.commit(committed(&[(HITS, NextOffset(2))])).unwrap();
    assert_eq!(expire(&bus), 2, "of three it had committed one");
    publish(&bus, "e");
    worker.commit(committed(&[(HITS, NextOffset(5))])).unwrap();
    assert_eq!(expire(&bus), 2, "it had committed all of it");

    // A group that is new, and one that is known by its positions alone.
    drop((worker, bus));
    let bus = open_at(directory.path(), &clock, Retention::default());
    publish(&bus, "f");
    assert_eq!(expire(&bus), 1);
    let group = Group { name: "new".to_owned(), instance: None, topics: vec![Topic::Hits], produces: false };
    let _worker = bus.join(group).unwrap();
    publish(&bus, "g");
    assert_eq!(expire(&bus), 2);
}

#[test]
fn a_look_that_was_overtaken_by_retention_finds_nothing_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    clock.set(START);
    let bus = open_at(directory.path(), &clock, Retention::default());
    publish(&bus, "a");
    publish(&bus, "b");
    let a_look_behind = || bus.log.disk.read(HITS, NextOffset(0), NextOffset(2)).unwrap();
    assert_eq!(a_look_behind().records.len(), 2);
    clock.set(START + Span::from_hours(24 * 8));
    publish(&bus, "c");
    bus.enforce_retention(START + Span::from_hours(24 * 8)).unwrap();
    let look = a_look_behind();
    assert_eq!((look.records.len(), look.position), (0, NextOffset(2)));
}

#[test]
fn a_partition_is_kept_under_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let retention = Retention { age: None, bytes_per_partition: Some(10_000) };
    let bus = open_at(directory.path(), &clock, retention);
    for _ in 0..600 {
        publish(&bus, vec![b'x'; 1000]);
    }
    bus.enforce_retention(START).unwrap();
    assert_eq!(bus.bounds(HITS).unwrap(), Bounds { start: NextOffset(591), end: NextOffset(600) });
    assert_eq!(read_from(&bus, HITS, NextOffset(0)).unwrap().len(), 9);
}

#[test]
fn the_room_of_what_went_is_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let retention = Retention { age: None, bytes_per_partition: Some(10_000) };
    let sizes: Vec<_> = (0..4)
        .map(|_| {
            let bus = open_at(directory.path(), &clock, retention);
            for _ in 0..10 {
                publish(&bus, vec![b'x'; 100_000]);
            }
            bus.enforce_retention(START).unwrap();
            drop(bus);
            assert!(!directory.path().join("log.db-wal").exists(), "the log was not closed in order");
            std::fs::metadata(directory.path().join("log.db")).unwrap().len()
        })
        .collect();
    assert!(sizes[0] > 1_000_000, "{sizes:?}");
    assert_eq!(sizes[1..], [sizes[0]; 3]);
}

#[test]
fn a_replay_of_old_lines_is_kept_by_when_it_was_taken() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    clock.set(START);
    let bus = open_at(directory.path(), &clock, Retention::default());
    let old = Outgoing { append_time: Some(Timestamp::from_millis(0)), ..hit("1970") };
    block_on(bus.publish(vec![old])).unwrap();
    bus.enforce_retention(START + Span::from_hours(1)).unwrap();
    assert_eq!(read_from(&bus, HITS, NextOffset(0)).unwrap().len(), 1);
}

#[test]
fn state_is_kept_for_good_and_its_tombstones_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    clock.set(START);
    let bus = open_at(directory.path(), &clock, Retention::default());
    let output = |key: &'static [u8], value| Output { target: STATE, key: Some(key), value };
    let outputs = [output(b"a", Some(b"1")), output(b"b", Some(b"1")), output(b"b", None)];
    join(&bus).commit(Step { outputs: &outputs, positions: &[] }).unwrap();

    let keys = |at| {
        bus.enforce_retention(at).unwrap();
        let records = read_from(&bus, STATE, NextOffset(0)).unwrap();
        records.into_iter().map(|record| (record.key.unwrap(), record.value.is_some())).collect::<Vec<_>>()
    };
    let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
    // What it overrules goes first, and its time runs from when that is found, however old it is.
    let found = START + Span::from_hours(24 * 365);
    for at in [START + Span::from_mins(15), found, found + Span::from_mins(15)] {
        assert_eq!(keys(at), [(a.clone(), true), (b.clone(), false)]);
    }
    assert_eq!(keys(found + Span::from_mins(15) + Span::from_millis(1)), [(a, true)]);
}
