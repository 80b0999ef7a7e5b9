//! The writer: groups, full queues, full disks, append times, and a process that is killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use futures::future::join_all;

use super::super::{file as log_file, wal};
use super::*;

/// A bus whose writer stops before its first transaction until it is let go.
fn held_bus(directory: &Path, limits: Limits) -> (EmbeddedBus, Receiver<()>, Sender<()>) {
    let (arrived, has_arrived) = channel();
    let (let_go, may_go) = channel::<()>();
    let gate = Mutex::new((arrived, may_go));
    let clock: Clock = Arc::new(move || {
        let gate = gate.lock().unwrap();
        // Both fail once the test has let go by dropping its ends.
        let _ = gate.0.send(());
        let _ = gate.1.recv();
        Timestamp::from_millis(1)
    });
    let bus = EmbeddedBus::open(Options { clock, limits, ..options(directory) }).unwrap();
    (bus, has_arrived, let_go)
}

#[test]
fn what_waits_shares_one_commit_steps_and_publishes_alike() {
    let directory = tempfile::tempdir().unwrap();
    let (bus, has_arrived, let_go) = held_bus(directory.path(), Limits::default());
    let mut worker = join(&bus);
    let first = bus.publish(vec![hit("first")]);
    has_arrived.recv().unwrap();

    let waiting: Vec<_> = (0..64).map(|n| bus.publish(vec![hit(n.to_string())])).collect();
    let queued = bus.counts().queued_bytes;
    let step = std::thread::spawn(move || {
        let outputs = [Output { target: ENRICHED, key: None, value: Some(b"out") }];
        worker.commit(Step { outputs: &outputs, positions: &[(HITS, NextOffset(1))] })
    });
    while bus.counts().queued_bytes == queued {
        std::thread::yield_now();
    }
    drop((let_go, has_arrived));
    block_on(first).unwrap();
    assert!(block_on(join_all(waiting)).iter().all(Result::is_ok));
    step.join().unwrap().unwrap();
    let counts = bus.counts();
    assert_eq!((counts.commits, counts.records), (2, 66));
}

#[test]
fn a_full_queue_refuses_and_takes_again() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { queue: 10_000, ..Limits::default() };
    let (bus, has_arrived, let_go) = held_bus(directory.path(), limits);
    let first = bus.publish(vec![hit("first")]);
    has_arrived.recv().unwrap();
    let waiting: Vec<_> = (0..9).map(|_| bus.publish(vec![hit(vec![b'x'; 800])])).collect();
    let refused = block_on(bus.publish(vec![hit(vec![b'x'; 8000])]));
    assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");

    drop((let_go, has_arrived));
    block_on(first).unwrap();
    assert!(block_on(join_all(waiting)).iter().all(Result::is_ok));
    publish(&bus, vec![b'x'; 8000]);
    assert_eq!(bus.bounds(HITS).unwrap().end, NextOffset(11));
}

#[test]
fn what_was_taken_is_written_before_the_log_closes() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let waiting: Vec<_> = (0..50).map(|n| bus.publish(vec![hit(n.to_string())])).collect();
    drop(bus);
    assert!(block_on(join_all(waiting)).iter().all(Result::is_ok));
    assert_eq!(open(directory.path()).bounds(HITS).unwrap().end, NextOffset(50));
}

#[test]
fn a_full_disk_takes_nothing_by_halves_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { file: Some(4 << 20), ..Limits::default() };
    let bus = EmbeddedBus::open(Options { limits, ..options(directory.path()) }).unwrap();
    let mut worker = join(&bus);
    let large = vec![b'x'; 300_000];
    let mut taken = 0;
    let error = loop {
        match block_on(bus.publish(vec![hit(large.clone())])) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, BusError::Full(text) if text.contains("log.db")), "{error}");
    assert!(taken > 5);

    let output = |target, value| Output { target, key: Some(b"k"), value: Some(value) };
    let outputs = [output(STATE, b"small"), output(ENRICHED, &large)];
    let full = worker.commit(Step { outputs: &outputs, positions: &[(HITS, NextOffset(5))] });
    assert!(matches!(full, Err(BusError::Full(_))), "{full:?}");
    for source in [STATE, ENRICHED] {
        assert_eq!(bus.bounds(source).unwrap().end, NextOffset(0));
    }
    assert_eq!(read_from(&bus, HITS, NextOffset(0)).unwrap().len(), taken);

    bus.enforce_retention(system_clock()() + events::Span::from_hours(24 * 8)).unwrap();
    worker.commit(Step { outputs: &outputs, positions: &[(HITS, NextOffset(5))] }).unwrap();
    publish(&bus, large);
    drop((worker, bus));
    let bus = open(directory.path());
    assert_eq!(bus.bounds(HITS).unwrap().end, NextOffset(taken as i64 + 1));
    assert_eq!(read_from(&bus, ENRICHED, NextOffset(0)).unwrap().len(), 1);
}

#[test]
fn a_record_over_the_limit_is_refused_with_all_of_its_call() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let call = vec![hit("small"), hit(vec![b'x'; (1 << 20) + 1])];
    let limit = 1 << 20;
    assert_eq!(block_on(bus.publish(call)), Err(BusError::TooLarge { size: limit + 1, limit }));
    assert_eq!(bus.bounds(HITS).unwrap().end, NextOffset(0));
    publish(&bus, vec![b'x'; limit]);
}

#[test]
fn keys_and_tombstones_stand_where_they_mean_something() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let nameless = Outgoing { topic: Topic::SessionsOpen, ..hit("state") };
    assert!(matches!(block_on(bus.publish(vec![nameless])), Err(BusError::Refused(_))));
    let outputs = [Output { target: ENRICHED, key: Some(b"k"), value: None }];
    let refused = join(&bus).commit(Step { outputs: &outputs, positions: &[] });
    assert!(matches!(refused, Err(BusError::Refused(_))), "{refused:?}");
}

#[test]
fn append_times_never_fall_and_those_that_are_given_stay() {
    let directory = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let given = |time| Outgoing { append_time: Some(Timestamp::from_millis(time)), ..hit("given") };
    for (now, records) in [(1000, vec![hit("a"), given(5), hit("b"), given(9_999_999)]), (10, vec![hit("c")])] {
        clock.set(Timestamp::from_millis(now));
        let bus = EmbeddedBus::open(Options { clock: clock.as_clock(), ..options(directory.path()) }).unwrap();
        block_on(bus.publish(records)).unwrap();
    }
    let records = read_from(&open(directory.path()), HITS, NextOffset(0)).unwrap();
    let times: Vec<_> = records.iter().map(|record| record.append_time.as_millis()).collect();
    assert_eq!(times, [1000, 5, 1000, 9_999_999, 1000]);
}

/// What a failure between the two would leave if they were not one transaction.
#[test]
fn a_step_whose_position_cannot_be_written_leaves_no_outputs() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let mut worker = join(&bus);
    let beside = Connection::open(directory.path().join("log.db")).unwrap();
    beside
        .execute_batch(
            "CREATE TRIGGER no_positions BEFORE INSERT ON positions BEGIN SELECT RAISE(ABORT, 'no'); END;
             CREATE TRIGGER still_none BEFORE UPDATE ON positions BEGIN SELECT RAISE(ABORT, 'no'); END;",
        )
        .unwrap();
    let outputs = [Output { target: ENRICHED, key: None, value: Some(b"out") }];
    let step = Step { outputs: &outputs, positions: &[(HITS, NextOffset(1))] };
    assert!(matches!(worker.commit(step), Err(BusError::Unavailable(_))));
    let is_untouched = |bus: &EmbeddedBus| {
        assert_eq!(bus.bounds(ENRICHED).unwrap().end, NextOffset(0));
        assert_eq!(bus.log.shared.committed.position("g", HITS), None);
    };
    is_untouched(&bus);
    drop((worker, bus));
    let bus = open(directory.path());
    is_untouched(&bus);

    beside.execute_batch("DROP TRIGGER no_positions; DROP TRIGGER still_none").unwrap();
    let mut worker = join(&bus);
    worker.commit(step).unwrap();
    assert_eq!(read_from(&bus, ENRICHED, NextOffset(0)).unwrap().len(), 1);
}

#[test]
fn each_commit_of_a_durable_log_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let synchronous = |durability| {
        let options = Options { durability, ..options(directory.path()) };
        let opened = log_file::open(&options, &log_file::Paths::of(directory.path())).unwrap();
        let pragma = |name| opened.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        (pragma("synchronous"), pragma("fullfsync"))
    };
    const OFF: i64 = 0;
    const FULL: i64 = 2;
    assert_eq!(synchronous(Durability::Synced), (FULL, 1));
    assert_eq!(synchronous(Durability::Unsynced).0, OFF);
}

/// Without waiting for readers, who always find some of it that is not copied yet, it would grow for ever.
#[test]
fn the_write_ahead_log_begins_anew_though_somebody_reads() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Unsynced, ..options(directory.path()) };
    let paths = log_file::Paths::of(directory.path());
    let owner = log_file::open(&options, &paths).unwrap().connection;
    let write = |bytes: usize| owner.execute("INSERT INTO log VALUES (?1, 1)", [vec![0_u8; bytes]]).unwrap();
    let wal_bytes = || paths.wal.metadata().unwrap().len();
    write(1);
    let reader = log_file::reading_connection(&paths.log).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM log").unwrap();
    while wal_bytes() <= wal::BYTES {
        write(16 << 20);
    }
    assert!(!wal::restart(&owner, Duration::from_millis(1)).unwrap());
    let (asks, is_asked) = channel();
    let reading = std::thread::spawn(move || {
        is_asked.recv().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        reader.execute_batch("COMMIT").unwrap();
    });
    asks.send(()).unwrap();
    assert!(wal::restart(&owner, crate::contract::PATIENCE).unwrap());
    write(1);
    assert!(wal_bytes() < wal::BYTES, "{}", wal_bytes());
    reading.join().unwrap();
}

/// What the killed process does: numbers published, and each one copied by a step, until the end.
fn write_until_killed(directory: &Path) -> ! {
    let bus = open(directory);
    let mut worker = join(&bus);
    let mut published = 0;
    loop {
        block_on(bus.publish((0..3).map(|n| hit((published + n).to_string())).collect())).unwrap();
        published += 3;
        println!("\nacknowledged {published}");
        if let Polled::Records { source, records, .. } = worker.poll(Duration::ZERO).unwrap() {
            let outputs: Vec<_> = records
                .iter()
                .map(|record| Output { target: ENRICHED, key: None, value: record.value.as_deref() })
                .collect();
            let reached = records.last().unwrap().offset.next();
            worker.commit(Step { outputs: &outputs, positions: &[(source, reached)] }).unwrap();
        }
    }
}

#[test]
fn a_killed_owner_loses_nothing_and_is_read_and_locked_out_until_then() {
    const ROLE: &str = "TRIBUTARY_BUS_TEST_WRITES_TO";
    if let Some(directory) = std::env::var_os(ROLE) {
        write_until_killed(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let this_test = "embedded::tests::writing::a_killed_owner_loses_nothing_and_is_read_and_locked_out_until_then";
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([this_test, "--exact", "--nocapture"])
        .env(ROLE, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut acknowledged =
        || lines.by_ref().find_map(|line| line.strip_prefix("acknowledged ")?.parse::<usize>().ok()).unwrap_or(0);
    assert!(acknowledged() > 0);

    let beside = EmbeddedBus::open_beside(directory.path()).unwrap();
    let mut reader = beside.read(HITS, NextOffset(0)).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 100 {
        seen.extend(reader.next(crate::contract::PATIENCE).unwrap());
    }
    let owned = EmbeddedBus::open(options(directory.path()));
    assert!(matches!(owned, Err(BusError::Refused(_))));
    let mut last = 0;
    while last < 300 {
        last = acknowledged();
        assert!(last > 0, "the owner ended by itself");
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    while let more @ 1.. = acknowledged() {
        last = more;
    }
    drop((reader, beside));

    let bus = open(directory.path());
    let hits = read_from(&bus, HITS, NextOffset(0)).unwrap();
    assert!(hits.len() >= last, "{last} were acknowledged, {} are there", hits.len());
    assert_eq!(seen, hits[..seen.len()]);
    let copies = read_from(&bus, ENRICHED, NextOffset(0)).unwrap();
    assert_eq!(bus.log.shared.committed.position("g", HITS), Some(NextOffset(copies.len() as i64)));
    assert_eq!(values(&copies), values(&hits[..copies.len()]));
    publish(&bus, "it goes on");
}
