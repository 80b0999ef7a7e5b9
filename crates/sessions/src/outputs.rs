//! What applying records brings forth: records for the bus in one buffer, and counts.

use events::Topic;

use crate::emit::Pen;
use crate::late::LateReason;

/// Records to write, in order, in one growing buffer that is reused from step to step.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Room. Only its beginning, up to `end`, is written.
    bytes: Vec<u8>,
    end: usize,
    /// Room for values that are written by others.
    value: Vec<u8>,
    entries: Vec<Entry>,
    /// What happened since the last [`Outputs::clear`].
    pub counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    topic: Topic,
    /// The key stands from here…
    key_at: usize,
    /// …to here, where the value starts. An empty key is none.
    value_at: usize,
    /// An empty value is a tombstone.
    end: usize,
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
    /// Appends a record whose value is written straight into the buffer, and takes at most so many bytes.
    #[inline(always)]
    pub(crate) fn write(&mut self, topic: Topic, key: &[u8], most: usize, write: impl FnOnce(Pen<'_>) -> Pen<'_>) {
        let room = self.end + key.len() + most;
        if self.bytes.len() < room {
            self.grow(room);
        }
        let key_at = self.end;
        // No more than was asked for, so that a measure that is wrong shows at once and not where the buffer ends.
        let mut pen = Pen::new(&mut self.bytes[key_at..room]);
        pen.raw(key);
        let left = write(pen).left();
        self.end = room - left;
        self.entries.push(Entry { topic, key_at, value_at: key_at + key.len(), end: self.end });
    }

    #[cold]
    fn grow(&mut self, room: usize) {
        self.bytes.resize(room.max(2 * self.bytes.len()), 0);
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
        let part = |from: usize, to: usize| (from < to).then(|| &self.bytes[from..to]);
        self.entries.iter().map(move |entry| OutputRecord {
            topic: entry.topic,
            key: part(entry.key_at, entry.value_at),
            value: part(entry.value_at, entry.end),
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
        self.end
    }

    /// Forgets everything and keeps the buffer.
    pub fn clear(&mut self) {
        self.end = 0;
        self.entries.clear();
        self.counts = Counts::default();
    }
}
