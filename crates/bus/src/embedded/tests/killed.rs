//! What stands after a crash: the write-ahead log ends after any frame of it, as a killed process or a machine leaves it.

use std::fs;

use super::*;

const STEPS: i64 = 12;

/// What SQLite's file format says of a write-ahead log: a header, and then frames of a header and a page each.
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// How many steps stand, as outputs, state and position say.
fn steps(log: &[u8], wal: &[u8]) -> [i64; 3] {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("log.db"), log).unwrap();
    fs::write(directory.path().join("log.db-wal"), wal).unwrap();
    let bus = open(directory.path());
    let (_worker, position) = join_at(&bus);
    let end = |source| bus.bounds(source).unwrap().end.0;
    [end(ENRICHED), end(STATE), position.map_or(0, |position| position.0)]
}

#[test]
fn wherever_the_write_ahead_log_ends_a_step_stands_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    (0..STEPS).for_each(|n| publish(&bus, format!("hit {n}")));
    let mut worker = join(&bus);
    let read = |name: &str| fs::read(directory.path().join(name)).unwrap();
    let before = read("log.db-wal").len();
    for n in 0..STEPS {
        let outputs = [ENRICHED, STATE].map(|target| Output { target, key: Some(b"#partition"), value: Some(b"one") });
        worker.commit(Step { outputs: &outputs, positions: &[(HITS, NextOffset(n + 1))] }).unwrap();
    }
    let (log, wal) = (read("log.db"), read("log.db-wal"));
    let page = u32::from_be_bytes(wal[8..12].try_into().unwrap()) as usize;
    let mut seen = vec![0];
    for end in (before..=wal.len()).step_by(FRAME_HEADER + page) {
        assert_eq!((end - WAL_HEADER) % (FRAME_HEADER + page), 0, "frames are whole");
        let [outputs, state, position] = steps(&log, &wal[..end]);
        assert_eq!([outputs, state], [position; 2], "cut after {end} of {} bytes", wal.len());
        seen.push(position);
    }
    seen.dedup();
    assert_eq!(seen, (0..=STEPS).collect::<Vec<_>>(), "each step was the last one that stood");
}
