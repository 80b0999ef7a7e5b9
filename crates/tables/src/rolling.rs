//! When a batch has gathered enough.

use std::time::Duration;

use crate::batch::TableBatch;

/// The rules by which one batch is cut.
///
/// By size alone the cut depends on nothing but the records: two runs over one log cut alike. By time it does not,
/// and need not, since the batch's record fixes the range before the first byte is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rolling {
    /// A batch that takes this much memory is full, in bytes.
    pub full: usize,
    /// A batch whose first record came this long ago is written however small it is; `None`: by size alone.
    pub interval: Option<Duration>,
}

/// Bytes of JSON, with a row's overhead, that become one byte of Parquet: measured on the access log in this
/// repository's benchmark, rounded down so that files come out rather smaller than the target.
const INPUT_BYTES_PER_FILE_BYTE: usize = 8;

/// A column's texts are addressed by 32 bits, so a batch stays well below that.
const MOST_BYTES: usize = 1 << 30;

impl Rolling {
    /// Rules for files of about the target size, in bytes, from batches within a bound of memory.
    pub fn new(target_file_size: usize, memory: usize, interval: Option<Duration>) -> Self {
        let wanted = target_file_size.saturating_mul(INPUT_BYTES_PER_FILE_BYTE);
        Self { full: wanted.min(memory).clamp(1, MOST_BYTES), interval }
    }

    /// Whether the batch takes no further record.
    pub fn is_full(&self, batch: &TableBatch) -> bool {
        batch.bytes_in_memory() >= self.full
    }

    /// Whether a batch that is this old must be written.
    pub fn is_due(&self, age: Duration) -> bool {
        self.interval.is_some_and(|interval| age >= interval)
    }
}
