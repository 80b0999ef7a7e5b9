//! What applying records brings forth: records for the bus, and counts.
//!
//! The records stand in blocks of memory that are reused from step to step, the one that was written last first: a step of
//! a thousand hits writes a megabyte, which is what a core's own cache holds. Going over one buffer from its start again, every
//! line was the one that had left the cache just before.

use events::Topic;

use crate::emit::Pen;
use crate::late::LateReason;

/// The length of a block, unless one record needs more.
const BLOCK: usize = 128 << 10;

/// Records to write, in order.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Blocks in the order in which they were begun. The last one is written up to `end`.
    blocks: Vec<Vec<u8>>,
    end: usize,
    /// Blocks that wait to be used again; the last one was written last.
    spare: Vec<Vec<u8>>,
    /// Bytes of keys and values.
    bytes: usize,
    /// Room for values that are written by others.
    value: Vec<u8>,
    entries: Vec<Entry>,
    /// What happened since the last [`Outputs::clear`].
    pub counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    topic: Topic,
    /// In this block…
    block: u32,
    /// …the key stands from here…
    key_at: u32,
    /// …to here, where the value starts. An empty key is none.
    value_at: u32,
    /// An empty value is a tombstone.
    end: u32,
}

/// How many of what; for metrics and summaries (P4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Records read that were hits, whatever became of them.
    pub hits: u64,
    /// Hits that became a row of `hits`.
    pub enriched: u64,
    /// Of those, hits without identity.
    pub anonymous: u64,
    /// Hits whose user agent is a known bot's.
    pub bots: u64,
    /// Hits whose event time was set to the append time.
    pub clamped: u64,
    /// Copies of a hit that was there before.
    pub duplicates: u64,
    /// Late hits, by [`LateReason`].
    pub late: [u64; LateReason::ALL.len()],
    /// Records that could not be read.
    pub rejected: u64,
    /// Sessions that became final.
    pub sessions: u64,
    /// Sessions that were merged into another.
    pub merged: u64,
    /// Tick records seen.
    pub ticks: u64,
}

impl Counts {
    /// Late hits of all reasons.
    pub fn late_total(&self) -> u64 {
        self.late.iter().sum()
    }

    /// Adds another count to this one.
    pub fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.enriched += other.enriched;
        self.anonymous += other.anonymous;
        self.bots += other.bots;
        self.clamped += other.clamped;
        self.duplicates += other.duplicates;
        for (mine, theirs) in self.late.iter_mut().zip(other.late) {
            *mine += theirs;
        }
        self.rejected += other.rejected;
        self.sessions += other.sessions;
        self.merged += other.merged;
        self.ticks += other.ticks;
    }
}

/// One record of [`Outputs`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutputRecord<'a> {
    /// Where it goes; the partition is that of the input.
    pub topic: Topic,
    /// Its key; `None` is a null key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl Outputs {
    /// Appends a record whose value is written straight into a block, and takes at most so many bytes.
    #[inline(always)]
    pub(crate) fn write(&mut self, topic: Topic, key: &[u8], most: usize, write: impl FnOnce(Pen<'_>) -> Pen<'_>) {
        let most = key.len() + most;
        if self.blocks.last().is_none_or(|block| block.len() - self.end < most) {
            self.begin_block(most);
        }
        let (index, key_at) = (self.blocks.len() - 1, self.end);
        // No more than was asked for, so that a measure that is wrong shows at once and not where the block ends.
        let mut pen = Pen::new(&mut self.blocks[index][key_at..key_at + most]);
        pen.raw(key);
        let written = most - write(pen).left();
        self.end += written;
        self.bytes += written;
        let (key_at, end) = (key_at as u32, self.end as u32);
        self.entries.push(Entry { topic, block: index as u32, key_at, value_at: key_at + key.len() as u32, end });
    }

    #[cold]
    fn begin_block(&mut self, most: usize) {
        let block = if most > BLOCK { None } else { self.spare.pop() };
        self.blocks.push(block.unwrap_or_else(|| vec![0; most.max(BLOCK)]));
        self.end = 0;
    }

    /// Appends a record whose value is written into a buffer that grows as it needs.
    pub(crate) fn push(&mut self, topic: Topic, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        write(&mut value);
        self.write(topic, key, value.len(), |mut pen| {
            pen.raw(&value);
            pen
        });
        self.value = value;
    }

    /// The records in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = OutputRecord<'_>> {
        self.entries.iter().map(|&Entry { topic, block, key_at, value_at, end }| {
            let block = &self.blocks[block as usize];
            let part = |from: u32, to: u32| (from < to).then(|| &block[from as usize..to as usize]);
            OutputRecord { topic, key: part(key_at, value_at), value: part(value_at, end) }
        })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything and keeps the room, but for blocks that were made for one large record (P6).
    pub fn clear(&mut self) {
        self.spare.extend(self.blocks.drain(..).filter(|block| block.len() == BLOCK));
        (self.end, self.bytes) = (0, 0);
        self.entries.clear();
        self.counts = Counts::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(out: &mut Outputs, len: usize) {
        out.push(Topic::Late, b"key", |value| value.resize(len, b'x'));
    }

    #[test]
    fn records_stand_in_their_order_whatever_block_they_are_in() {
        let mut out = Outputs::default();
        for _ in 0..2 {
            let lens = [10, BLOCK - 20, 30, 3 * BLOCK, 1, 0, BLOCK / 2];
            lens.iter().for_each(|&len| put(&mut out, len));
            let found: Vec<_> = out.iter().map(|record| record.value.map_or(0, <[u8]>::len)).collect();
            assert_eq!((found, out.len()), (lens.to_vec(), lens.len()));
            assert_eq!(out.bytes(), lens.iter().map(|len| len + 3).sum::<usize>());
            out.clear();
            assert!(out.is_empty() && out.bytes() == 0);
        }
    }

    #[test]
    fn the_block_that_was_written_last_is_used_first_and_large_ones_are_given_back() {
        let mut out = Outputs::default();
        (0..3).for_each(|_| put(&mut out, BLOCK - 10));
        put(&mut out, BLOCK + 1);
        let order: Vec<_> = out.blocks.iter().map(Vec::as_ptr).collect();
        out.clear();
        (0..3).for_each(|_| put(&mut out, BLOCK - 10));
        let again: Vec<_> = out.blocks.iter().map(Vec::as_ptr).collect();
        assert_eq!(again, [order[2], order[1], order[0]]);
        assert!(out.spare.is_empty());
    }
}
