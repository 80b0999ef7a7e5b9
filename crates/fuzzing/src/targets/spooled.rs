//! A segment of the spool: whatever it holds, a folder with it is opened or refused, read to its end, and written to.

use std::path::Path;

use events::Timestamp;
use futures::executor::block_on;
use spool::{Options, Reader, Record, Spool};

const NOW: Timestamp = Timestamp::from_millis(1_793_577_600_000);

/// The name of the only segment, whose first record has the number 0.
const SEGMENT: &str = "00000000000000000000.spool";

fn record(number: u8) -> Record {
    Record { label: 1, key: Some(vec![number; 3].into()), value: vec![number; 40].into() }
}

/// A folder with a segment of these bytes.
pub(super) fn segment(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(SEGMENT), bytes).unwrap();
    let Ok((spool, mut reader, _)) = Spool::open(Options::at(folder.path(), 1 << 20)) else { return };
    let before = spool.standing().records;
    assert_eq!(drained(&mut reader), before, "each is read, or said to be damaged");
    block_on(spool.append(vec![record(7)], NOW)).unwrap();
    let run = reader.read(1 << 20).unwrap().unwrap();
    assert_eq!(run.records, [record(7)]);
}

/// How many records there were, the lost ones among them.
fn drained(reader: &mut Reader) -> u64 {
    let mut records = 0;
    while let Some(run) = reader.read(1 << 16).unwrap() {
        records += run.records.len() as u64 + run.damage.iter().map(|damage| damage.records).sum::<u64>();
    }
    records
}

/// Segments as the spool writes them.
pub(super) fn segments() -> Vec<Vec<u8>> {
    let of = |count: u8| {
        let folder = tempfile::tempdir().unwrap();
        let (spool, reader, _) = Spool::open(Options::at(folder.path(), 1 << 20)).unwrap();
        for number in 0..count {
            block_on(spool.append(vec![record(number)], NOW)).unwrap();
        }
        drop((spool, reader));
        read(folder.path())
    };
    vec![of(1), of(5)]
}

fn read(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join(SEGMENT)).unwrap()
}
