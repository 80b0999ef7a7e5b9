//! Who is looked up.

use std::hash::BuildHasher;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Visitors' names come from outside: were their hashes known beforehand, somebody could choose names that all
/// fall into one place of the table. No output depends on the order of a hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashing {
    seed: u64,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { seed: std::hash::RandomState::new().hash_one(0) }
    }
}

/// A visitor's key with its hash, which is computed once for a hit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) tag: u32,
    /// A slot that was the visitor's a moment ago, or [`super::NO_SLOT`].
    pub(crate) hint: u32,
}

impl Hashing {
    pub(super) fn of(self, key: &[u8]) -> u32 {
        xxh3_64_with_seed(key, self.seed) as u32
    }
}
