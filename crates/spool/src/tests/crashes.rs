//! Crashes at any moment, disks that run full, syncs that fail: what was acknowledged is read, in its order.

use proptest::prelude::*;

use super::*;
use crate::disk::memory::Fault;

/// What may happen to a spool.
#[derive(Clone, Debug)]
enum Event {
    /// So many records are appended at once.
    Append(u64),
    /// Records are read, about so many bytes of them.
    Read(usize),
    /// What was read is done with.
    Advance,
    /// The next writes meet this.
    Fault(Fault),
    /// There is room again.
    Room,
    /// The process dies with the machine; the seed decides what the disk keeps of what was not synced.
    Crash(u64),
    /// The process dies, and the machine goes on.
    Kill,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1u64..6).prop_map(Event::Append),
        3 => (1usize..600).prop_map(Event::Read),
        2 => Just(Event::Advance),
        1 => (0usize..300).prop_map(|bytes| Event::Fault(Fault::NoRoomAfter(bytes))),
        1 => Just(Event::Fault(Fault::Sync)),
        1 => Just(Event::Room),
        1 => any::<u64>().prop_map(Event::Crash),
        1 => Just(Event::Kill),
    ]
}

/// What a spool owes.
#[derive(Default)]
struct Debt {
    next: u64,
    /// Those that were acknowledged, in order.
    acknowledged: Vec<u64>,
    /// Read in this life, in order.
    read: Vec<u64>,
    read_to: Seq,
    /// Everything below was said to be done with.
    done_below: u64,
}

impl Debt {
    fn append(&mut self, open: &mut Open, count: u64) {
        let records: Vec<_> = (self.next..self.next + count).map(record).collect();
        if open.append(&records).is_ok() {
            self.acknowledged.extend(self.next..self.next + count);
        }
        self.next += count;
    }

    fn read(&mut self, run: &Run) {
        assert_eq!(run.damage, [], "nobody damaged anything");
        self.read.extend(numbers(run));
        self.read_to = run.next;
    }

    fn advance(&mut self, open: &mut Open) {
        // Where it fails, it may hold or not: whoever says it has no more use for what lies before.
        let _ = open.writer.advance(self.read_to);
        self.done_below = self.read.last().map_or(self.done_below, |last| last + 1);
    }

    /// The process starts anew on this disk.
    fn restart(&mut self, disk: &Memory) -> Open {
        let open = Open::at(disk);
        (self.read, self.read_to) = (Vec::new(), open.ledger.lock().position);
        open
    }

    /// Reads all, and settles.
    fn settle(&mut self, mut open: Open) {
        self.read(&open.drain());
        assert!(self.read.is_sorted_by(|one, two| one < two), "out of order, or twice in one life: {:?}", self.read);
        let owed = self.acknowledged.iter().filter(|&&n| n >= self.done_below);
        let missing: Vec<_> = owed.filter(|n| !self.read.contains(n)).collect();
        assert!(missing.is_empty(), "acknowledged and gone: {missing:?} of {:?}", self.acknowledged);
    }
}

/// A stream of draws from a seed.
fn draws(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below.max(1)
    }
}

proptest! {
    #[test]
    fn nothing_acknowledged_is_lost_and_nothing_changes_its_order(
        events in proptest::collection::vec(event(), 1..60), last in any::<u64>(),
    ) {
        let mut debt = Debt::default();
        let mut open = Open::at(&Memory::default());
        for event in events {
            match event {
                Event::Append(count) => debt.append(&mut open, count),
                Event::Read(bytes) => {
                    if let Some(run) = open.reader.read(bytes).unwrap() {
                        debt.read(&run);
                    }
                }
                Event::Advance => debt.advance(&mut open),
                Event::Fault(fault) => open.disk.fail(Some(fault)),
                Event::Room => open.disk.fail(None),
                Event::Crash(seed) => open = debt.restart(&open.disk.after_crash(draws(seed))),
                Event::Kill => {
                    open.disk.fail(None);
                    open = debt.restart(&open.disk.clone());
                }
            }
        }
        let open = debt.restart(&open.disk.after_crash(draws(last)));
        debt.settle(open);
    }
}

/// A file that is cut at any byte gives every record before the cut.
#[test]
fn a_torn_record_is_found_and_cut_at_every_byte() {
    let disk = Memory::default();
    let mut open = Open::at(&disk);
    let records: Vec<_> = (0..4).map(record).collect();
    open.append(&records).unwrap();
    let name = open.segments().remove(0);
    let mut size = 0;
    disk.change(&name, |bytes| size = bytes.len());
    for cut in 0..size {
        let torn = disk.after_crash(|_| 0);
        torn.change(&name, |bytes| bytes.truncate(cut));
        let mut open = Open::at(&torn);
        let read = numbers(&open.drain());
        assert_eq!(read, (0..read.len() as u64).collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(open.found.records, read.len() as u64);
        open.append(&[record(99)]).unwrap();
        assert_eq!(numbers(&open.drain()), [99], "cut at {cut}: it goes on behind what was torn");
        let mut again = Open::at(&torn);
        assert_eq!(again.found.torn_bytes, 0, "cut at {cut}: it was cut for good");
        assert_eq!(numbers(&again.drain()).last(), Some(&99));
    }
}

#[test]
fn a_full_disk_is_a_refusal_that_harms_nothing_and_passes() {
    let mut open = Open::at(&Memory::default());
    open.append(&[record(0), record(1)]).unwrap();
    for room in 0..200 {
        open.disk.fail(Some(Fault::NoRoomAfter(room)));
        let error = open.append(&[record(7), record(8), record(9), record(10)]).unwrap_err();
        assert!(matches!(error, SpoolError::NoRoom(_)), "{error}");
    }
    open.disk.fail(None);
    open.append(&[record(2)]).unwrap();
    assert_eq!(numbers(&open.drain()), [0, 1, 2]);
    assert_eq!(numbers(&Open::at(&open.disk).drain()), [0, 1, 2]);
}

#[test]
fn what_is_done_with_can_be_said_on_a_full_disk() {
    let mut open = Open::at(&Memory::default());
    for n in 0..20 {
        open.append(&[record(n)]).unwrap();
    }
    open.disk.fail(Some(Fault::NoRoomAfter(0)));
    open.drain();
    open.writer.advance(Seq(20)).unwrap();
    assert_eq!(open.segments(), [""; 0]);
}
