//! How much one step may hold (P6).

use bus::Record;

/// More than a short hit grows by when it is enriched, with the session that it closes now and then.
const GROWTH: usize = 1 << 10;

/// What the step that is being made has still room for. A checkpoint comes on top.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Records of `hits`.
    pub(super) records: usize,
    /// Bytes of outputs.
    pub(super) bytes: usize,
}

impl Room {
    /// Whether the step has to be committed before another record is taken in.
    pub(super) fn is_used_up(self) -> bool {
        self.records == 0 || self.bytes == 0
    }

    /// How many of the records can be given to the engine at once, so that what they are enriched to fits: all of them mostly,
    /// fewer towards the end of a step, and one by one at last. Never none: a record cannot be divided. Which sessions they
    /// close is not known before: large ones may go over the bound.
    pub(super) fn fitting(self, records: &[Record]) -> usize {
        let mut most = 0;
        let fits = |record: &&Record| {
            most += GROWTH + 2 * record.value.as_ref().map_or(0, bytes::Bytes::len);
            most <= self.bytes
        };
        records.iter().take(self.records).take_while(fits).count().max(1)
    }
}
