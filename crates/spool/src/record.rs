//! What a spool keeps.

use std::fmt;

use bytes::Bytes;

/// The largest record, key and value together.
pub const MAX_RECORD_BYTES: usize = 4 << 20;

/// A record's number: how many were appended to the folder before it. As a position: the next one to be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// The position after so many more records.
    #[must_use]
    pub(crate) fn plus(self, records: u64) -> Self {
        Self(self.0.saturating_add(records))
    }

    /// How many records lie between two positions; none where the other is later.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record to keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The owner's own mark, such as which topic it is for. The spool keeps it as it is.
    pub label: u8,
    /// Its key, if it has one.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Bytes,
}

impl Record {
    /// Key and value together, in bytes.
    pub fn size(&self) -> usize {
        self.key.as_ref().map_or(0, Bytes::len) + self.value.len()
    }
}
