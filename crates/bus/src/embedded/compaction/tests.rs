use std::cell::RefCell;
use std::collections::BTreeMap;

use events::Topic;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::batch::Segments;
use super::super::{Durability, Limits, Options, file, load};
use super::*;
use crate::TOMBSTONES_KEPT;

const STATE: Source = Source { topic: Topic::SessionsOpen, partition: 0 };

/// A log whose writer is the test.
struct Log {
    directory: TempDir,
    opened: Option<file::Opened>,
    tail: Tail,
    looks: RefCell<Looks>,
    now: Timestamp,
}

impl Log {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (opened, tail) = open(&directory);
        let now = Timestamp::from_millis(1_700_000_000_000);
        Self { directory, opened: Some(opened), tail, looks: RefCell::default(), now }
    }

    /// What a crash leaves is what was committed.
    fn crash(&mut self) {
        self.opened = None;
        let (opened, tail) = open(&self.directory);
        (self.opened, self.tail, self.looks) = (Some(opened), tail, RefCell::default());
    }

    fn connection(&self) -> &Connection {
        &self.opened.as_ref().unwrap().connection
    }

    fn append(&self, records: &[(u8, Option<u8>)]) {
        let mut segments = Segments::default();
        for (key, value) in records {
            segments.push(STATE, Some(&[*key]), value.as_ref().map(std::slice::from_ref), None);
        }
        for segment in segments.into_list() {
            let end = self.tail.standing(STATE).end;
            let (base, next) = (Offset(end.0), NextOffset(end.0 + i64::from(segment.count)));
            let layout = segment.layout();
            let batch = Batch { base, next, taken: self.now, layout, bytes: segment.bytes.into() };
            transaction::commit(self.connection(), &[(STATE, batch.clone())], &[]).unwrap();
            self.tail.append(vec![(STATE, batch)]);
        }
    }

    fn with_site<T>(&self, work: impl FnOnce(&Site<'_>) -> T) -> T {
        let file = self.directory.path().join("log.db");
        let slice = Slice { batches: 3, bytes: usize::MAX };
        work(&Site { connection: self.connection(), file: &file, tail: &self.tail, now: self.now, slice })
    }

    fn begin(&self, site: &Site<'_>, is_asked_for: bool) -> Option<Pass> {
        Pass::begin(site, STATE, &mut self.looks.borrow_mut(), is_asked_for).unwrap()
    }

    /// Some slices of a pass. Tells whether it came to its end.
    fn compact(&self, slices: usize) -> bool {
        self.with_site(|site| match self.begin(site, true) {
            Some(mut pass) => (0..slices).any(|_| pass.work(site).unwrap()),
            None => true,
        })
    }

    fn records(&self) -> Vec<Record> {
        let mut reading = self.begin_reading();
        while reading.position < self.tail.standing(STATE).end {
            self.read_on(&mut reading);
        }
        reading.records
    }

    fn begin_reading(&self) -> Reading {
        Reading { began: self.now, position: NextOffset::START, records: Vec::new() }
    }

    /// One look at the disk, as short as one can be: a batch.
    fn read_on(&self, reading: &mut Reading) {
        let file = self.directory.path().join("log.db");
        let next = NextOffset(reading.position.0 + 1);
        let chunk = disk::read(self.connection(), &file, STATE, reading.position, next).unwrap();
        assert!(chunk.position > reading.position);
        reading.position = chunk.position;
        reading.records.extend(chunk.records);
    }

    fn bytes_in_file(&self) -> i64 {
        let sum = "SELECT coalesce(sum(length(records)), 0) FROM batches";
        self.connection().query_row(sum, [], |row| row.get(0)).unwrap()
    }
}

/// Somebody who reads from the start.
struct Reading {
    began: Timestamp,
    position: NextOffset,
    records: Vec<Record>,
}

fn open(directory: &TempDir) -> (file::Opened, Tail) {
    let options = Options {
        partitions: 1,
        durability: Durability::Unsynced,
        limits: Limits { recent: 0, ..Limits::default() },
        ..Options::at(directory.path())
    };
    let paths = file::Paths::of(&options.path);
    let opened = file::open(&options, &paths).unwrap();
    let (tail, _) = load(&opened.connection, &paths.log, &options).unwrap();
    (opened, tail)
}

/// What a reader knows who applied all records in order.
fn view(records: &[Record]) -> BTreeMap<u8, u8> {
    let mut view = BTreeMap::new();
    for record in records {
        let key = record.key.as_ref().unwrap()[0];
        match &record.value {
            Some(value) => drop(view.insert(key, value[0])),
            None => drop(view.remove(&key)),
        }
    }
    view
}

#[derive(Clone, Debug)]
enum Move {
    Append(Vec<(u8, Option<u8>)>),
    Compact { slices: usize },
    Crash,
    Wait { minutes: i64 },
    BeginReading,
    ReadOn,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let records = prop::collection::vec((0u8..12, prop::option::weighted(0.7, any::<u8>())), 1..6);
    let one = prop_oneof![
        6 => records.prop_map(Move::Append),
        3 => (1usize..12).prop_map(|slices| Move::Compact { slices }),
        1 => Just(Move::Crash),
        1 => (1i64..20).prop_map(|minutes| Move::Wait { minutes }),
        1 => Just(Move::BeginReading),
        3 => Just(Move::ReadOn),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever passes end, crash and begin anew: who applies the records in order knows the newest of each key, and
    /// nobody's offset changes; so does who began at the start and comes to the end while tombstones are kept, whatever
    /// went meanwhile. After a whole pass each key stands once, and old tombstones are gone.
    #[test]
    fn compaction_changes_nothing_but_the_size(moves in moves()) {
        let mut log = Log::new();
        let mut model = BTreeMap::new();
        let mut all = BTreeMap::new();
        let mut reading = log.begin_reading();
        for step in moves {
            match step {
                Move::Append(records) => {
                    let end = log.tail.standing(STATE).end.0;
                    log.append(&records);
                    for ((key, value), offset) in records.into_iter().zip(end..) {
                        all.insert(offset, (key, value));
                        match value {
                            Some(value) => drop(model.insert(key, value)),
                            None => drop(model.remove(&key)),
                        }
                    }
                }
                Move::Compact { slices } => drop(log.compact(slices)),
                Move::Crash => log.crash(),
                Move::Wait { minutes } => log.now = log.now + Span::from_mins(minutes),
                Move::BeginReading => reading = log.begin_reading(),
                Move::ReadOn if reading.position < log.tail.standing(STATE).end => log.read_on(&mut reading),
                Move::ReadOn => {}
            }
            let is_through = reading.position == log.tail.standing(STATE).end;
            if is_through && log.now <= reading.began + TOMBSTONES_KEPT {
                prop_assert_eq!(view(&reading.records), model.clone());
            }
            let records = log.records();
            prop_assert_eq!(view(&records), model.clone());
            for record in &records {
                let (key, value) = all[&record.offset.0];
                prop_assert_eq!((record.key.as_ref().unwrap()[0], record.value.as_ref().map(|v| v[0])), (key, value));
            }
            prop_assert_eq!(log.bytes_in_file(), log.tail.standing(STATE).bytes);
        }
        // The second pass is the first that finds nothing superseded.
        prop_assert!(log.compact(usize::MAX) && log.compact(usize::MAX));
        log.now = log.now + TOMBSTONES_KEPT + Span::from_millis(1);
        prop_assert!(log.compact(usize::MAX));
        let records = log.records();
        prop_assert_eq!(records.len(), model.len());
        prop_assert_eq!(view(&records), model);
    }
}

#[test]
fn tombstones_are_readable_for_their_time() {
    let mut log = Log::new();
    log.append(&[(1, Some(1)), (2, Some(1)), (1, None)]);
    let keys = |log: &Log| log.records().iter().map(|r| (r.offset.0, r.value.is_some())).collect::<Vec<_>>();
    // What it overrules goes, and that is found.
    for _ in 0..2 {
        log.compact(usize::MAX);
        assert_eq!(keys(&log), [(1, true), (2, false)]);
    }
    log.now = log.now + TOMBSTONES_KEPT;
    log.compact(usize::MAX);
    assert_eq!(keys(&log), [(1, true), (2, false)]);
    log.now = log.now + Span::from_millis(1);
    log.compact(usize::MAX);
    assert_eq!(keys(&log), [(1, true)]);
}

#[test]
fn who_has_read_what_a_tombstone_overrules_meets_it_however_old_it_is() {
    let mut log = Log::new();
    for records in [(1, Some(1)), (2, Some(1)), (1, None)] {
        log.append(&[records]);
    }
    log.now = log.now + Span::from_hours(1);
    log.crash();
    let mut reading = log.begin_reading();
    log.read_on(&mut reading);
    assert_eq!(view(&reading.records), BTreeMap::from([(1, 1)]));
    // All passes that begin while it reads, and for no longer than a tombstone stays.
    for _ in 0..3 {
        log.compact(usize::MAX);
        log.now = log.now + Span::from_mins(5);
    }
    while reading.position < log.tail.standing(STATE).end {
        log.read_on(&mut reading);
    }
    assert_eq!(view(&reading.records), BTreeMap::from([(2, 1)]));
}

#[test]
fn a_slice_that_fails_leaves_everything_as_it_was() {
    let log = Log::new();
    (0..4).for_each(|n| log.append(&[(1, Some(n)), (2, Some(n))]));
    let before = log.records();
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'full'); END";
    log.connection().execute_batch(trigger).unwrap();
    let failed = log.with_site(|site| {
        let mut pass = log.begin(site, true).unwrap();
        (0..9).find_map(|_| pass.work(site).err())
    });
    assert!(failed.is_some());
    assert_eq!(log.records(), before);
    assert_eq!(log.bytes_in_file(), log.tail.standing(STATE).bytes);
    log.connection().execute_batch("DROP TRIGGER full").unwrap();
    log.compact(usize::MAX);
    assert_eq!(log.records(), before[6..]);
}

#[test]
fn a_pass_begins_when_it_is_worth_it() {
    let mut log = Log::new();
    let begins = |log: &Log| log.with_site(|site| log.begin(site, false).is_some());
    log.append(&[(1, Some(1))]);
    log.now = log.now + Span::from_hours(24);
    assert!(!begins(&log), "a few bytes may stay for as long as they like");
    let some: Vec<_> = (0..DIRTY_BYTES_IN_TIME / 10 + 1).map(|n| (n as u8, Some(0))).collect();
    log.append(&some);
    assert!(begins(&log), "some are old");
    log.compact(usize::MAX);
    log.append(&some);
    assert!(!begins(&log), "nothing is old, nor much");
    for _ in 0..DIRTY_BYTES / DIRTY_BYTES_IN_TIME {
        log.append(&some);
    }
    assert!(begins(&log), "much was superseded");
}

#[test]
fn a_damaged_batch_is_named_and_not_written_anew() {
    let log = Log::new();
    log.append(&[(1, Some(1))]);
    log.append(&[(1, Some(2))]);
    log.connection().execute("UPDATE batches SET records = CAST('lies' AS BLOB) WHERE next_offset = 1", []).unwrap();
    let error = log.with_site(|site| {
        let mut pass = log.begin(site, true).unwrap();
        pass.work(site).unwrap_err()
    });
    assert!(matches!(&error, BusError::Damaged(text) if text.contains("sessions.open/0")), "{error}");
    assert_eq!(log.bytes_in_file(), 4 + 10);
}
