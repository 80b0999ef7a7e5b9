//! The whole spool, with its thread, on a real folder.

use std::collections::BTreeSet;

use futures::executor::block_on;
use futures::future::join_all;

use super::*;
use crate::queue::{Options, Spool};

fn open(folder: &std::path::Path) -> (Spool, crate::Reader) {
    let (spool, reader, _) = Spool::open(Options::at(folder, 1 << 20)).unwrap();
    (spool, reader)
}

fn rest(reader: &mut crate::Reader) -> Vec<u64> {
    let mut all = Vec::new();
    while let Some(run) = reader.read(10_000).unwrap() {
        all.extend(numbers(&run));
    }
    all
}

#[test]
fn many_callers_share_syncs_and_each_ones_records_stay_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, mut reader) = open(folder.path());
    std::thread::scope(|scope| {
        for caller in 0..8u64 {
            let spool = &spool;
            scope.spawn(move || {
                for call in 0..50 {
                    let n = caller * 1000 + call;
                    block_on(spool.append(vec![record(n)], NOW)).unwrap();
                }
            });
        }
    });
    let read = rest(&mut reader);
    assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), 400);
    for caller in 0..8 {
        let own: Vec<_> = read.iter().filter(|n| **n / 1000 == caller).collect();
        assert!(own.is_sorted(), "{own:?}");
    }
    assert_eq!(spool.standing().records, 400, "they are not done with");
    block_on(spool.advance(Seq(400))).unwrap();
    assert_eq!(spool.standing(), crate::Standing::default());
}

#[test]
fn the_next_process_goes_on_where_this_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, mut reader) = open(folder.path());
    block_on(join_all((0..30).map(|n| spool.append(vec![record(n)], NOW))));
    let run = reader.read(1).unwrap().unwrap();
    block_on(spool.advance(run.next)).unwrap();
    drop(spool);
    let (_spool, mut reader, found) = Spool::open(Options::at(folder.path(), 1 << 20)).unwrap();
    assert_eq!((found.records, found.torn_bytes), (29, 0));
    assert_eq!(rest(&mut reader), (1..30).collect::<Vec<_>>());
}

#[test]
fn a_folder_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!Spool::is_at(folder.path()));
    let first = open(folder.path());
    assert!(Spool::is_at(folder.path()));
    let error = Spool::open(Options::at(folder.path(), 1 << 20)).map(|_| ()).unwrap_err();
    assert_eq!(error, SpoolError::InUse(folder.path().display().to_string()));
    drop(first);
    open(folder.path());
}

#[test]
fn what_is_over_a_bound_is_refused_and_there_is_room_again_when_it_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, mut reader, _) = Spool::open(Options::at(folder.path(), 300_000)).unwrap();
    let large = |n: u64| Record { value: format!("{n}:{}", "x".repeat(50_000)).into(), ..record(n) };
    let mut taken = 0;
    let refused = loop {
        match block_on(spool.append(vec![large(taken)], NOW)) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SpoolError::Full { bytes, capacity: 300_000 } if bytes > 250_000), "{refused}");
    assert_eq!(taken, 5);
    let run = reader.read(120_000).unwrap().unwrap();
    block_on(spool.advance(run.next)).unwrap();
    block_on(spool.append(vec![large(5)], NOW)).unwrap();
    assert_eq!(rest(&mut reader), (run.records.len() as u64..6).collect::<Vec<_>>());

    let huge = Record { value: vec![0; crate::MAX_RECORD_BYTES + 1].into(), ..record(0) };
    assert!(matches!(block_on(spool.append(vec![huge], NOW)), Err(SpoolError::TooLarge { .. })));
}

#[test]
fn dropping_a_spool_writes_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _reader) = open(folder.path());
    let waiting: Vec<_> = (0..10).map(|n| spool.append(vec![record(n)], NOW)).collect();
    drop(spool);
    assert!(block_on(join_all(waiting)).iter().all(Result::is_ok));
    assert_eq!(rest(&mut open(folder.path()).1), (0..10).collect::<Vec<_>>());
}
