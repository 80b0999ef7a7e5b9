//! Batches: runs of records as one blob, the unit in which the file and the memory hold them.
//!
//! A record is its key's length, its value's length (both little-endian `u32`, all ones where there is none), in a
//! timed batch its append time in milliseconds (`i64`), then key and value. Offsets follow from the place in the
//! batch, so that a worker can encode its step before anybody knows where it will stand.

use bytes::Bytes;
use events::{NextOffset, Offset, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use crate::{Record, Source};

/// A batch is closed at this size, so that reading one stays small.
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// A batch is closed at this many records.
pub(super) const BATCH_RECORDS: u32 = 4096;

const NONE: u32 = u32::MAX;

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
        let length = |part: Option<&[u8]>| part.map_or(NONE, |part| part.len() as u32).to_le_bytes();
        segment.bytes.extend_from_slice(&length(key));
        segment.bytes.extend_from_slice(&length(value));
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

    /// The segments; those of one source in their order.
    pub(super) fn into_list(self) -> Vec<Segment> {
        self.list
    }
}

/// A segment that has found its place in the log.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) base: Offset,
    pub(super) next: NextOffset,
    /// When the bus took it; the append time of its records where they carry none of their own.
    pub(super) taken: Timestamp,
    pub(super) timed: bool,
    pub(super) bytes: Bytes,
}

impl Batch {
    /// Guards the blob and what says how to read it, so that no flipped bit goes unseen.
    pub(super) fn checksum(&self, row_id: i64) -> i64 {
        let mut hash = Xxh3::new();
        for part in [row_id, self.next.0, self.taken.as_millis(), i64::from(self.timed)] {
            hash.update(&part.to_le_bytes());
        }
        hash.update(&self.bytes);
        hash.digest().cast_signed()
    }

    /// Appends the records from a position on. `None` if the bytes are no batch of this length.
    pub(super) fn decode(&self, from: NextOffset, out: &mut Vec<Record>) -> Option<()> {
        let records = self.next.0 - from.0.max(self.base.0);
        out.reserve(records.clamp(0, i64::from(BATCH_RECORDS)) as usize);
        let mut at = 0;
        for offset in self.base.0..self.next.0 {
            let key_length = self.length(&mut at)?;
            let value_length = self.length(&mut at)?;
            let append_time = if self.timed { self.time(&mut at)? } else { self.taken };
            let end = at + key_length.unwrap_or(0) + value_length.unwrap_or(0);
            if end > self.bytes.len() {
                return None;
            }
            if offset >= from.0 {
                let value_at = at + key_length.unwrap_or(0);
                out.push(Record {
                    offset: Offset(offset),
                    append_time,
                    key: key_length.map(|_| self.bytes.slice(at..value_at)),
                    value: value_length.map(|_| self.bytes.slice(value_at..end)),
                });
            }
            at = end;
        }
        (at == self.bytes.len()).then_some(())
    }

    fn length(&self, at: &mut usize) -> Option<Option<usize>> {
        let bytes: [u8; 4] = self.bytes.get(*at..*at + 4)?.try_into().ok()?;
        *at += 4;
        let length = u32::from_le_bytes(bytes);
        Some((length != NONE).then_some(length as usize))
    }

    fn time(&self, at: &mut usize) -> Option<Timestamp> {
        let bytes: [u8; 8] = self.bytes.get(*at..*at + 8)?.try_into().ok()?;
        *at += 8;
        Some(Timestamp::from_millis(i64::from_le_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Topic;
    use proptest::prelude::*;

    const HITS: Source = Source { topic: Topic::Hits, partition: 0 };

    type Raw = (Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>);

    fn place(segments: Vec<Segment>) -> Vec<Batch> {
        let mut end = NextOffset(7);
        let to_batch = |segment: Segment| {
            let base = Offset(end.0);
            end = NextOffset(end.0 + i64::from(segment.count));
            let taken = Timestamp::from_millis(99);
            Batch { base, next: end, taken, timed: segment.timed, bytes: segment.bytes.into() }
        };
        segments.into_iter().map(to_batch).collect()
    }

    proptest! {
        #[test]
        fn records_come_out_in_order_as_they_went_in(raw: Vec<Raw>, skip in 0i64..20) {
            let mut segments = Segments::default();
            for (key, value, time) in &raw {
                segments.push(HITS, key.as_deref(), value.as_deref(), time.map(Timestamp::from_millis));
            }
            let mut records = Vec::new();
            for batch in place(segments.into_list()) {
                prop_assert_eq!(batch.decode(NextOffset(7 + skip), &mut records), Some(()));
            }
            let expected: Vec<_> = raw.into_iter().zip(7..).skip(skip as usize).map(|((key, value, time), offset)| Record {
                offset: Offset(offset),
                append_time: Timestamp::from_millis(time.unwrap_or(99)),
                key: key.map(Bytes::from),
                value: value.map(Bytes::from),
            }).collect();
            prop_assert_eq!(records, expected);
        }

        #[test]
        fn bytes_that_are_no_batch_are_told_and_never_panic(bytes: Vec<u8>, count in 0i64..50, timed: bool) {
            let batch = Batch {
                base: Offset(0),
                next: NextOffset(count),
                taken: Timestamp::MIN,
                timed,
                bytes: bytes.into(),
            };
            let mut records = Vec::new();
            if batch.decode(NextOffset(0), &mut records).is_some() {
                prop_assert_eq!(records.len() as i64, count);
            }
        }
    }

    #[test]
    fn a_large_step_is_cut_into_batches_that_stay_small() {
        let mut segments = Segments::default();
        let value = vec![b'x'; 100_000];
        for _ in 0..50 {
            segments.push(HITS, None, Some(&value), None);
            segments.push(Source { topic: Topic::Late, partition: 0 }, None, Some(b"x"), None);
        }
        let list = segments.into_list();
        assert!(list.iter().all(|segment| segment.bytes.len() < BATCH_BYTES + value.len() + 16));
        assert_eq!(list.iter().filter(|segment| segment.source == HITS).count(), 5);
        assert_eq!(list.iter().map(|segment| segment.count).sum::<u32>(), 100);
    }

    #[test]
    fn any_flipped_bit_changes_the_checksum() {
        let batch = Batch {
            base: Offset(0),
            next: NextOffset(1),
            taken: Timestamp::from_millis(5),
            timed: false,
            bytes: Bytes::from_static(b"some records"),
        };
        let good = batch.checksum(3);
        for bit in 0..batch.bytes.len() * 8 {
            let mut bytes = batch.bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Batch { bytes: bytes.into(), ..batch.clone() }.checksum(3), good);
        }
        assert_ne!(batch.checksum(4), good);
        assert_ne!(Batch { timed: true, ..batch.clone() }.checksum(3), good);
        assert_ne!(Batch { next: NextOffset(2), ..batch }.checksum(3), good);
    }
}
