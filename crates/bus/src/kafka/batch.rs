//! Records out of messages: one block of memory for the keys and values of a batch, shared by its records.

pub(super) mod native;

use std::ops::Range;

use bytes::Bytes;
use events::{NextOffset, Offset, Timestamp};

use crate::Record;
use native::View;

/// The most bytes of a batch, unless one record has more (P6). It is written, read and given back while it is in a near
/// cache; blocks of a megabyte were taken from the system anew each time.
const BYTES: usize = 256 << 10;

/// The most records of a batch.
const RECORDS: usize = 4096;

/// A batch that is being gathered.
pub(super) struct Batch {
    room: Room,
    block: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    offset: i64,
    time: i64,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
}

/// How large the batches of a source are: the next one is as large as the last.
#[derive(Clone, Copy, Default)]
pub(super) struct Room {
    bytes: usize,
    records: usize,
}

impl Batch {
    /// An empty one. Takes no memory before there is something.
    pub(super) fn new(room: Room) -> Self {
        Self { room, block: Vec::new(), entries: Vec::new() }
    }

    pub(super) fn push(&mut self, message: View<'_>) {
        if self.entries.is_empty() {
            self.block.reserve(self.room.bytes.max(16 << 10));
            self.entries.reserve(self.room.records);
        }
        let View { offset, time, key, value } = message;
        let key = key.map(|key| append(&mut self.block, key));
        let value = value.map(|value| append(&mut self.block, value));
        self.entries.push(Entry { offset, time, key, value });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.block.len() >= BYTES || self.entries.len() >= RECORDS
    }

    /// The position behind the last record.
    pub(super) fn end(&self) -> Option<NextOffset> {
        self.entries.last().map(|entry| Offset(entry.offset).next())
    }

    /// What the next batch will need, if it is like this one.
    pub(super) fn room(&self) -> Room {
        Room { bytes: self.block.len(), records: self.entries.len() }
    }

    pub(super) fn into_records(self) -> Vec<Record> {
        let block = Bytes::from(self.block);
        let slice = |range: Range<usize>| block.slice(range);
        let record = |entry: Entry| Record {
            offset: Offset(entry.offset),
            append_time: Timestamp::from_millis(entry.time),
            key: entry.key.map(slice),
            value: entry.value.map(slice),
        };
        self.entries.into_iter().map(record).collect()
    }
}

fn append(block: &mut Vec<u8>, bytes: &[u8]) -> Range<usize> {
    let start = block.len();
    block.extend_from_slice(bytes);
    start..block.len()
}
