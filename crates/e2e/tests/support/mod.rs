//! What the tests of the real binary share: starting and killing it, load, and readers that know nothing of how
//! rows were written.

#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod binary;
pub(crate) mod duckdb;
pub(crate) mod expected;
pub(crate) mod kafka;
pub(crate) mod lake;
pub(crate) mod load;
#[path = "../../../tributary/tests/support/process.rs"]
pub(crate) mod process;
pub(crate) mod real_file;
pub(crate) mod reference;
pub(crate) mod service;
#[path = "../../../tributary/tests/support/up.rs"]
pub(crate) mod up;
pub(crate) mod watcher;

/// SplitMix64: a seed that is printed makes a failing run happen again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }
}
