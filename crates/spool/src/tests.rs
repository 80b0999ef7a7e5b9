//! The laws of a spool, on a disk that forgets what was not synced.

mod crashes;
mod damage;
mod fuzz;
mod real;

use bytes::Bytes;
use events::Timestamp;

use crate::disk::Disk;
use crate::disk::memory::Memory;
use crate::error::SpoolError;
use crate::ledger::Shared;
use crate::reader::{Cursor, Run};
use crate::record::{Record, Seq};
use crate::recovery::{Found, recover};
use crate::writer::Writer;

/// Small, so that a few records make several segments.
const SEGMENT_BYTES: u64 = 400;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_793_577_600_000);

/// A folder that is open: writer and reader without a thread between them.
pub(crate) struct Open {
    disk: Memory,
    writer: Writer<Memory>,
    reader: Cursor<Memory>,
    ledger: Shared,
    found: Found,
}

impl Open {
    fn at(disk: &Memory) -> Self {
        Self::try_at(disk).unwrap()
    }

    fn try_at(disk: &Memory) -> Result<Self, SpoolError> {
        let recovered = recover(disk)?;
        let ledger = Shared::new(recovered.ledger);
        Ok(Self {
            disk: disk.clone(),
            writer: Writer::new(disk.clone(), recovered.position, ledger.clone(), SEGMENT_BYTES),
            reader: Cursor::new(disk.clone(), ledger.clone()),
            ledger,
            found: recovered.found,
        })
    }

    fn append(&mut self, records: &[Record]) -> Result<(), SpoolError> {
        self.writer.append(records.iter().map(|record| (NOW, record)))
    }

    /// Everything that is left, and what was lost on the way.
    fn drain(&mut self) -> Run {
        let mut all = Run::default();
        while let Some(run) = self.reader.read(300).unwrap() {
            all.records.extend(run.records);
            all.damage.extend(run.damage);
            all.next = run.next;
        }
        all
    }

    /// Bytes and records.
    fn holds(&self) -> (u64, u64) {
        let ledger = self.ledger.lock();
        (ledger.bytes(), ledger.records())
    }

    fn segments(&self) -> Vec<String> {
        self.disk.names().unwrap().into_iter().filter(|name| name.ends_with(".spool")).collect()
    }
}

/// The n-th record, of a size that n decides.
pub(crate) fn record(n: u64) -> Record {
    let value = format!("{n}:{}", "x".repeat((n * 37 % 90) as usize));
    Record {
        label: (n % 2) as u8,
        key: (!n.is_multiple_of(3)).then(|| Bytes::from(format!("k{n}"))),
        value: value.into(),
    }
}

/// Which record it is.
pub(crate) fn number(record: &Record) -> u64 {
    std::str::from_utf8(&record.value).unwrap().split(':').next().unwrap().parse().unwrap()
}

fn numbers(run: &Run) -> Vec<u64> {
    run.records.iter().map(number).collect()
}

#[test]
fn what_is_appended_is_read_as_it_was_and_in_order() {
    let mut open = Open::at(&Memory::default());
    let records: Vec<_> = (0..50).map(record).collect();
    for some in records.chunks(7) {
        open.append(some).unwrap();
    }
    let run = open.drain();
    assert_eq!(run.records, records);
    assert_eq!((run.next, run.damage.as_slice()), (Seq(50), [].as_slice()));
    assert_eq!(open.reader.read(1).unwrap(), None);
    open.append(&[record(50)]).unwrap();
    assert_eq!(numbers(&open.drain()), [50]);
}

#[test]
fn segments_go_when_they_are_done_with_and_the_last_one_with_all_the_rest() {
    let mut open = Open::at(&Memory::default());
    for n in 0..40 {
        open.append(&[record(n)]).unwrap();
    }
    let before = open.segments().len();
    assert!(before > 4, "{before} segments");
    open.writer.advance(Seq(20)).unwrap();
    let half = open.segments().len();
    assert!(0 < half && half < before, "{half} of {before}");
    open.drain();
    open.writer.advance(Seq(40)).unwrap();
    assert_eq!(open.segments(), [""; 0]);
    assert_eq!(open.holds(), (0, 0));

    // Numbers go on where they ended, also in the next life.
    let mut open = Open::at(&open.disk);
    open.append(&[record(40)]).unwrap();
    assert_eq!(open.ledger.lock().end, Seq(41));
    assert_eq!(numbers(&open.drain()), [40]);
}

#[test]
fn the_oldest_record_is_known_to_the_second() {
    let mut open = Open::at(&Memory::default());
    let at = |seconds: i64| Timestamp::from_millis(NOW.as_millis() + seconds * 1000);
    for n in 0..30 {
        open.writer.append([(at(n), &record(n as u64))]).unwrap();
    }
    assert_eq!(open.ledger.lock().oldest(), Some(at(0)));
    open.writer.advance(Seq(17)).unwrap();
    assert_eq!(open.ledger.lock().oldest(), Some(at(17)));
    let after = Open::at(&open.disk).ledger.lock().oldest().unwrap();
    assert!(after <= at(17) && after >= at(10), "as of its segment's first record: {after}");
    open.writer.advance(Seq(30)).unwrap();
    assert_eq!(open.ledger.lock().oldest(), None);
}
