//! A batch ready to be committed: its record, and its files' bytes.

use bytes::Bytes;
use events::NextOffset;
use tables::{DataFile, Layout, TableBatch, empty_file};

use crate::error::LakeError;
use crate::names::Series;
use crate::record::{BatchRecord, FileEntry, OffsetRange};

/// A batch with everything that will be written, and in which order.
#[derive(Clone, Debug)]
pub struct Batch {
    pub(crate) record: BatchRecord,
    /// The bytes of each of the record's files, in the same order.
    pub(crate) files: Vec<Bytes>,
    /// Offsets that the topic no longer held.
    pub(crate) expired: Option<OffsetRange>,
}

impl Batch {
    /// A new batch from `start`, where the chain ends, to `end`, one past the last record that was read.
    ///
    /// `skipped` are the offsets of records that are no rows, in order.
    pub fn new(
        series: &Series,
        start: NextOffset,
        end: NextOffset,
        skipped: Vec<OffsetRange>,
        expired: Option<OffsetRange>,
        rows: TableBatch,
        layout: Layout,
    ) -> Result<Self, LakeError> {
        let records = rows.rows() as u64 + skipped.iter().map(OffsetRange::len).sum::<u64>();
        let mut record = BatchRecord::new(series, start, end, records, layout);
        record.skipped = skipped;
        let path = |day| series.table.file_path(day, &series.log_id, series.partition, start);
        record.files = rows.days().iter().map(|(&day, &rows)| FileEntry { path: path(day), rows }).collect();
        Self::with_files(record, rows, expired)
    }

    /// The batch of a record that stands already, from the rows that the topic still has of it.
    pub fn again(record: BatchRecord, expired: Option<OffsetRange>, rows: TableBatch) -> Result<Self, LakeError> {
        Self::with_files(record, rows, expired)
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> usize {
        self.files.iter().map(Bytes::len).sum()
    }

    /// What stands in the lake once it is committed.
    pub fn record(&self) -> &BatchRecord {
        &self.record
    }

    fn with_files(record: BatchRecord, rows: TableBatch, expired: Option<OffsetRange>) -> Result<Self, LakeError> {
        let series = record.series();
        let lineage = series.lineage(record.start, record.end);
        let path = |file: &DataFile| series.table.file_path(file.day, &series.log_id, series.partition, record.start);
        let mut made: Vec<(String, DataFile)> =
            rows.finish(&lineage, &record.layout)?.into_iter().map(|file| (path(&file), file)).collect();
        let mut files = Vec::with_capacity(record.files.len());
        for entry in &record.files {
            let at = made.iter().position(|(path, _)| *path == entry.path);
            let file = at.map(|at| made.swap_remove(at).1);
            let found = file.as_ref().map_or(0, |file| file.rows);
            // Only what the topic no longer holds may be absent from a batch that is made again.
            let may_lack = expired.is_some() && found < entry.rows;
            if found != entry.rows && !may_lack {
                return Err(LakeError::Changed { path: entry.path.clone(), recorded: entry.rows, found });
            }
            files.push(match file {
                Some(file) => file.bytes,
                None => empty_file(&lineage, &record.layout)?,
            });
        }
        match made.pop() {
            Some((path, file)) => Err(LakeError::Changed { path, recorded: 0, found: file.rows }),
            None => Ok(Self { record, files, expired }),
        }
    }
}
