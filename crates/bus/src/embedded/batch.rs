//! Batches: runs of records as one blob, the unit in which the file and the memory hold them.
//!
//! A record is its key's length, its value's length (both little-endian `u32`, all ones where there is none), in a
//! timed batch its append time in milliseconds (`i64`), then key and value. Offsets follow from the place in the
//! batch, so that a worker can encode its step before anybody knows where it will stand. In a sparse batch, which is
//! what compaction leaves, each record has its append time and then its offset (`i64`).

use bytes::Bytes;
use events::{NextOffset, Offset, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use crate::{Record, Source};

/// A batch is closed at this size, so that reading one stays small.
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// A batch is closed at this many records.
pub(super) const BATCH_RECORDS: u32 = 4096;

const NONE: u32 = u32::MAX;

/// How the records of a batch are encoded. The numbers are part of the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// All were taken at the batch's time, and each stands one behind the other.
    Plain = 0,
    /// Each has an append time of its own.
    Timed = 1,
    /// Each has a time and an offset of its own; a batch may hold none at all.
    Sparse = 2,
}

impl Layout {
    pub(super) fn of_code(code: i64) -> Option<Self> {
        [Self::Plain, Self::Timed, Self::Sparse].into_iter().find(|&layout| layout as i64 == code)
    }
}

/// Records of one source, encoded, with no offset yet.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) source: Source,
    pub(super) count: u32,
    /// Whether each record carries its own append time.
    pub(super) timed: bool,
    pub(super) bytes: Vec<u8>,
}

impl Segment {
    pub(super) fn layout(&self) -> Layout {
        if self.timed { Layout::Timed } else { Layout::Plain }
    }

    /// Whether the other's records may follow in the same batch.
    pub(super) fn can_take(&self, other: &Self) -> bool {
        self.timed == other.timed
            && self.bytes.len() + other.bytes.len() <= BATCH_BYTES
            && self.count + other.count <= BATCH_RECORDS
    }
}

/// Sorts records into segments as they come.
#[derive(Default)]
pub(super) struct Segments {
    list: Vec<Segment>,
    /// The segment of each source that is still growing; the one used last is the first.
    growing: Vec<usize>,
}

impl Segments {
    /// Appends one record.
    pub(super) fn push(&mut self, source: Source, key: Option<&[u8]>, value: Option<&[u8]>, time: Option<Timestamp>) {
        let at = self.segment_for(source, time.is_some());
        let segment = &mut self.list[at];
        let size = 16 + key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        segment.bytes.reserve(size);
        segment.count += 1;
        push_lengths(&mut segment.bytes, key, value);
        if let Some(time) = time {
            segment.bytes.extend_from_slice(&time.as_millis().to_le_bytes());
        }
        segment.bytes.extend_from_slice(key.unwrap_or_default());
        segment.bytes.extend_from_slice(value.unwrap_or_default());
    }

    fn segment_for(&mut self, source: Source, timed: bool) -> usize {
        let fresh = Segment { source, count: 0, timed, bytes: Vec::new() };
        match self.growing.iter().position(|&at| self.list[at].source == source) {
            Some(seen) => {
                self.growing.swap(0, seen);
                let last = &self.list[self.growing[0]];
                // Only a source's newest segment may grow: order within the partition hangs on it.
                if last.timed != timed || last.bytes.len() >= BATCH_BYTES || last.count >= BATCH_RECORDS {
                    self.growing[0] = self.list.len();
                    self.list.push(fresh);
                }
            }
            None => {
                self.growing.insert(0, self.list.len());
                self.list.push(fresh);
            }
        }
        self.growing[0]
    }

    /// The segments; those of one source in their order. Their buffers hold no more room than their bytes need:
    /// the bounds of the queue and of what stays in memory count bytes (P6).
    pub(super) fn into_list(mut self) -> Vec<Segment> {
        self.list.iter_mut().for_each(|segment| segment.bytes.shrink_to_fit());
        self.list
    }
}

fn push_lengths(bytes: &mut Vec<u8>, key: Option<&[u8]>, value: Option<&[u8]>) {
    let length = |part: Option<&[u8]>| part.map_or(NONE, |part| part.len() as u32).to_le_bytes();
    bytes.extend_from_slice(&length(key));
    bytes.extend_from_slice(&length(value));
}

/// Appends a record as a sparse batch holds it.
pub(super) fn push_sparse(bytes: &mut Vec<u8>, record: &Record) {
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    push_lengths(bytes, key, value);
    bytes.extend_from_slice(&record.append_time.as_millis().to_le_bytes());
    bytes.extend_from_slice(&record.offset.0.to_le_bytes());
    bytes.extend_from_slice(key.unwrap_or_default());
    bytes.extend_from_slice(value.unwrap_or_default());
}

/// A segment that has found its place in the log, or what compaction left of a run of them.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) base: Offset,
    pub(super) next: NextOffset,
    /// When the bus took it; the append time of its records where they carry none of their own.
    pub(super) taken: Timestamp,
    pub(super) layout: Layout,
    pub(super) bytes: Bytes,
}

impl Batch {
    /// Guards the blob and what says how to read it, so that no flipped bit goes unseen.
    pub(super) fn checksum(&self, row_id: i64) -> i64 {
        let mut hash = Xxh3::new();
        for part in [row_id, self.next.0, self.taken.as_millis(), self.layout as i64] {
            hash.update(&part.to_le_bytes());
        }
        hash.update(&self.bytes);
        hash.digest().cast_signed()
    }

    /// Appends the records from a position on. `None` if the bytes are no batch of this length.
    pub(super) fn decode(&self, from: NextOffset, out: &mut Vec<Record>) -> Option<()> {
        let records = self.next.0 - from.0.max(self.base.0);
        out.reserve(records.clamp(0, i64::from(BATCH_RECORDS)) as usize);
        let (mut at, mut expected) = (0, self.base.0);
        while at < self.bytes.len() {
            let key_length = self.length(&mut at)?;
            let value_length = self.length(&mut at)?;
            let time = if self.layout == Layout::Plain { self.taken.as_millis() } else { self.number(&mut at)? };
            let offset = if self.layout == Layout::Sparse { self.number(&mut at)? } else { expected };
            let end = at + key_length.unwrap_or(0) + value_length.unwrap_or(0);
            if end > self.bytes.len() || !(expected..self.next.0).contains(&offset) {
                return None;
            }
            expected = offset + 1;
            if offset >= from.0 {
                let value_at = at + key_length.unwrap_or(0);
                out.push(Record {
                    offset: Offset(offset),
                    append_time: Timestamp::from_millis(time),
                    key: key_length.map(|_| self.bytes.slice(at..value_at)),
                    value: value_length.map(|_| self.bytes.slice(value_at..end)),
                });
            }
            at = end;
        }
        (expected == self.next.0 || self.layout == Layout::Sparse).then_some(())
    }

    fn length(&self, at: &mut usize) -> Option<Option<usize>> {
        let bytes: [u8; 4] = self.bytes.get(*at..*at + 4)?.try_into().ok()?;
        *at += 4;
        let length = u32::from_le_bytes(bytes);
        Some((length != NONE).then_some(length as usize))
    }

    fn number(&self, at: &mut usize) -> Option<i64> {
        let bytes: [u8; 8] = self.bytes.get(*at..*at + 8)?.try_into().ok()?;
        *at += 8;
        Some(i64::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests;
