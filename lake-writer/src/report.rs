//! What was done, as a summary and as metrics. Rows and files count when their batch is committed.

use std::collections::BTreeMap;
use std::time::Duration;

use lake::{Batch, LakeError, OffsetRange};
use service::metrics as name;
use tables::Table;

/// What was committed since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// By table; a table without a batch is not there.
    pub tables: BTreeMap<Table, Written>,
    /// Whether everything was written that the topics held: false where a bounded run was told to stop, or a store
    /// was away for too long. What is missing is written by the next run.
    pub is_complete: bool,
    /// The most that all partitions held in memory at once: rows that gathered, and files on their way. In bytes.
    pub most_bytes: usize,
}

/// What was committed of one table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Batches.
    pub batches: u64,
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Records that the table could not read.
    pub skipped: u64,
}

impl Summary {
    /// Rows of one table.
    pub fn rows(&self, table: Table) -> u64 {
        self.tables.get(&table).map_or(0, |written| written.rows)
    }

    /// Notes what all partitions hold in memory.
    pub(crate) fn holds(&mut self, bytes: usize) {
        self.most_bytes = self.most_bytes.max(bytes);
        metrics::gauge!(name::LAKE_GATHERED_BYTES).set(bytes as f64);
    }

    /// Takes a committed batch in.
    pub(crate) fn committed(&mut self, batch: &Batch, took: Duration) {
        let record = batch.record();
        let table = record.series().table;
        let rows = record.files.iter().map(|file| file.rows).sum::<u64>();
        let (files, bytes) = (record.files.len() as u64, batch.bytes() as u64);
        let written = self.tables.entry(table).or_default();
        written.batches += 1;
        written.files += files;
        written.rows += rows;
        written.bytes += bytes;
        written.skipped += record.skipped.iter().map(OffsetRange::len).sum::<u64>();
        metrics::counter!(name::LAKE_ROWS, "table" => table.name()).increment(rows);
        metrics::counter!(name::LAKE_FILES, "table" => table.name()).increment(files);
        metrics::counter!(name::LAKE_BYTES, "table" => table.name()).increment(bytes);
        metrics::histogram!(name::LAKE_COMMIT_SECONDS, "table" => table.name()).record(took.as_secs_f64());
    }
}

/// Counts a call to the store that failed.
pub(crate) fn failed(error: &LakeError) {
    metrics::counter!(name::LAKE_ERRORS, "operation" => error.operation()).increment(1);
}

/// Counts what a batch could not read.
pub(crate) fn unreadable(table: Table, records: u64, cells: u64) {
    metrics::counter!(name::RECORDS_SKIPPED, "topic" => table.topic().name()).increment(records);
    metrics::counter!(name::LAKE_CELLS_UNREADABLE, "table" => table.name()).increment(cells);
}
