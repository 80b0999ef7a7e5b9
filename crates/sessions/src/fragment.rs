//! A piece of JSON that many records have alike.

use crate::prefetch::prefetch;

/// Most fragments are not longer.
pub(crate) const USUAL: usize = 128;

/// JSON with zeros behind it where it is short: such a one is copied with them, in a length that the compiler knows, and what
/// is written next goes over them. How long each is nobody can foretell, and a copy of just so many bytes begins with that
/// question.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Fragment {
    padded: Box<[u8]>,
    len: usize,
}

impl Fragment {
    /// Of JSON that many records will have.
    pub(crate) fn new(mut json: Vec<u8>) -> Self {
        let len = json.len();
        json.resize(len.max(USUAL), 0);
        Self { padded: json.into(), len }
    }

    /// The same without what stands behind it, for one record.
    pub(crate) fn trimmed(self) -> Self {
        Self { padded: self.bytes().into(), len: self.len }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.padded[..self.len]
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// It and what is behind it, where it is short.
    #[inline(always)]
    pub(crate) fn padded(&self) -> Option<&[u8; USUAL]> {
        if self.len <= USUAL { self.padded.first_chunk() } else { None }
    }

    /// Asks for the memory that a copy reads.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.padded[..]);
    }
}
