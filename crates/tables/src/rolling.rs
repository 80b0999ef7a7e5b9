//! When a batch has gathered enough.

use crate::batch::TableBatch;

/// The rule by which a batch is cut for its size. It depends on nothing but the records: two runs over one log cut
/// alike. When a batch is cut earlier, by a clock or for want of memory, is the lake-writer's to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rolling {
    full: usize,
}

/// Bytes of a batch in memory that become one byte of Parquet. Real access logs give 12 and more; less, so that
/// files come out rather smaller than the target.
const INPUT_BYTES_PER_FILE_BYTE: usize = 8;

/// Most days of a batch, and so most files. Hits that a hostile client dates at random may have any day since 2000; logs of
/// ten years in order fit. Cutting earlier would not make fewer files but more: each further batch has days of its own.
pub(crate) const MOST_DAYS: usize = 4096;

/// A column's texts are addressed by 32 bits, so a batch stays well below that.
const MOST_BYTES: usize = 1 << 30;

impl Rolling {
    /// The rule for files of about the target size, from batches that each take at most so much memory; in bytes.
    pub fn new(target_file_size: usize, memory: usize) -> Self {
        let wanted = target_file_size.saturating_mul(INPUT_BYTES_PER_FILE_BYTE);
        Self { full: wanted.min(memory).clamp(1, MOST_BYTES) }
    }

    /// Bytes in memory at which a batch is full.
    pub fn full_at(&self) -> usize {
        self.full
    }

    /// Whether the batch takes no further record.
    pub fn is_full(&self, batch: &TableBatch) -> bool {
        batch.bytes_in_memory() >= self.full || batch.days().len() >= MOST_DAYS
    }
}
