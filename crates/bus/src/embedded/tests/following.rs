//! Following the log: from memory, from the disk, without polling, and from beside the owner.

use super::*;

#[test]
fn who_keeps_up_never_reads_the_disk_and_who_lags_does() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    for n in 0..10 {
        publish(&bus, n.to_string());
    }
    let from_memory = read_from(&bus, HITS, NextOffset(3)).unwrap();
    assert_eq!(bus.counts().disk_reads, 0);
    drop(bus);
    let bus = open(directory.path());
    assert_eq!(read_from(&bus, HITS, NextOffset(3)).unwrap(), from_memory);
    assert_eq!(bus.counts().disk_reads, 1);
    publish(&bus, "new");
    assert_eq!(read_from(&bus, HITS, NextOffset(10)).unwrap().len(), 1);
    assert_eq!(bus.counts().disk_reads, 1);
}

#[test]
fn one_look_at_the_disk_is_bounded_and_the_looks_join_up() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { recent: 0, ..Limits::default() };
    let bus = EmbeddedBus::open(Options { limits, ..options(directory.path()) }).unwrap();
    let value = vec![b'x'; 100_000];
    block_on(bus.publish((0..50).map(|_| hit(value.clone())).collect())).unwrap();
    let mut reader = bus.read(HITS, NextOffset(0)).unwrap();
    let mut offsets = Vec::new();
    while reader.position() < NextOffset(50) {
        let records = reader.next(Duration::ZERO).unwrap();
        assert!(!records.is_empty() && records.len() < 20);
        offsets.extend(records.iter().map(|record| record.offset.0));
    }
    assert!(offsets.into_iter().eq(0..50));
}

#[test]
fn who_waits_at_the_end_looks_only_when_something_came() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let mut worker = join(&bus);
    assert!(matches!(worker.poll(Duration::ZERO).unwrap(), Polled::End { position: NextOffset(0), .. }));
    let before = bus.counts().looks;
    let mut reader = bus.read(HITS, NextOffset(0)).unwrap();
    let waiting = [
        std::thread::spawn(move || matches!(worker.poll(crate::contract::PATIENCE).unwrap(), Polled::Records { .. })),
        std::thread::spawn(move || !reader.next(crate::contract::PATIENCE).unwrap().is_empty()),
    ];
    while bus.counts().looks < before + 2 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(bus.counts().looks, before + 2, "somebody looked although nothing had come");
    publish(&bus, "new");
    assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
    assert_eq!(bus.counts().looks, before + 4);
}

#[test]
fn a_follower_of_state_sees_tombstones_and_what_was_superseded_goes() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { recent: 0, ..Limits::default() };
    let bus = EmbeddedBus::open(Options { limits, ..options(directory.path()) }).unwrap();
    let mut worker = join(&bus);
    let mut write = |key: &str, value: Option<&str>| {
        let outputs = [crate::Output { target: STATE, key: Some(key.as_bytes()), value: value.map(str::as_bytes) }];
        worker.commit(Step { outputs: &outputs, positions: &[] }).unwrap();
    };
    for n in 0..20 {
        write("a", Some(&n.to_string()));
    }
    write("b", Some("b"));
    write("a", None);
    bus.enforce_retention(system_clock()()).unwrap();
    let records = read_from(&bus, STATE, NextOffset(0)).unwrap();
    let seen: Vec<_> = records.iter().map(|r| (r.offset.0, r.value.is_some())).collect();
    assert_eq!(seen, [(20, true), (21, false)]);
    assert_eq!(bus.bounds(STATE).unwrap().end, NextOffset(22));
}

#[test]
fn a_log_is_read_from_beside_its_owner_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, "old");
    let beside = EmbeddedBus::open_beside(directory.path()).unwrap();
    assert_eq!(beside.log_id().unwrap(), bus.log_id().unwrap());
    assert_eq!((beside.partitions(), beside.bounds(HITS).unwrap()), (1, bus.bounds(HITS).unwrap()));
    assert!(matches!(block_on(beside.publish(vec![hit("x")])), Err(BusError::Refused(_))));
    let group =
        Group { name: "g".to_owned(), instance: Some("i".to_owned()), topics: vec![Topic::Hits], produces: true };
    assert!(matches!(beside.join(group), Err(BusError::Refused(_))));

    let mut reader = beside.read(HITS, NextOffset(0)).unwrap();
    assert_eq!(values(&reader.next(Duration::ZERO).unwrap()), ["old"]);
    assert_eq!(reader.next(Duration::ZERO).unwrap(), []);
    let woken = std::thread::spawn(move || reader.next(crate::contract::PATIENCE).unwrap());
    publish(&bus, "new");
    assert_eq!(values(&woken.join().unwrap()), ["new"]);
}

#[test]
fn a_log_without_an_owner_can_be_read_too() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(EmbeddedBus::open_beside(directory.path()), Err(BusError::Refused(_))));
    publish(&open(directory.path()), "old");
    let beside = EmbeddedBus::open_beside(directory.path()).unwrap();
    assert_eq!(values(&read_from(&*beside, HITS, NextOffset(0)).unwrap()), ["old"]);
}
