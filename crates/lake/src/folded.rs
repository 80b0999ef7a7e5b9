//! A folded record: what the records of many batches said, in one.

use std::collections::BTreeMap;

use events::NextOffset;
use serde::{Deserialize, Serialize};

use crate::error::LakeError;
use crate::names::Series;
use crate::record::{self, BatchRecord, FORMAT, FileEntry, OffsetRange};

/// Batches one after the other, all complete, and so old that nobody can still be writing them. It never changes: a longer
/// one takes its place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoldedRecord {
    format: u64,
    table: tables::Table,
    log_id: events::LogId,
    partition: u32,
    start: NextOffset,
    end: NextOffset,
    pub(crate) batches: Vec<FoldedBatch>,
}

/// What is still to be known of a batch: enough to hold its files against it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoldedBatch {
    pub(crate) start: NextOffset,
    pub(crate) end: NextOffset,
    records: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<OffsetRange>,
    /// Rows of each of its files, by date.
    files: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expired: Option<OffsetRange>,
}

/// A batch that stands, folded or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    pub(crate) start: NextOffset,
    pub(crate) end: NextOffset,
    pub(crate) records: u64,
    pub(crate) skipped: Vec<OffsetRange>,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) expired: Option<OffsetRange>,
}

impl FoldedRecord {
    /// The batches as one record. They follow each other, and there is one at least.
    pub(crate) fn new(series: &Series, batches: Vec<FoldedBatch>) -> Self {
        let start = batches.first().map_or(NextOffset::START, |batch| batch.start);
        let end = batches.last().map_or(start, |batch| batch.end);
        let (table, log_id, partition) = (series.table, series.log_id.clone(), series.partition);
        Self { format: FORMAT, table, log_id, partition, start, end, batches }
    }

    /// What it stands for.
    pub(crate) fn range(&self) -> OffsetRange {
        OffsetRange { from: self.start, to: self.end }
    }

    /// Reads one, and checks that it is what its name says.
    pub(crate) fn read(series: &Series, path: &str, json: &[u8]) -> Result<Self, LakeError> {
        let folded: Self = record::read(path, json)?;
        folded.check(series, path).map_err(|why| LakeError::BadRecord { path: path.to_owned(), why })?;
        Ok(folded)
    }

    fn check(&self, series: &Series, path: &str) -> Result<(), String> {
        let Self { table, log_id, partition, start, end, .. } = self;
        let of = Series { table: *table, log_id: log_id.clone(), partition: *partition };
        if of != *series || series.folded_path(self.range()) != path {
            return Err(format!("it says that it is of {of} from offset {start} to {end}"));
        }
        let mut at = *start;
        for batch in &self.batches {
            if batch.start != at || batch.end <= batch.start {
                return Err(format!("its batches do not follow each other at offset {at}"));
            }
            at = batch.end;
        }
        if at == *end { Ok(()) } else { Err(format!("its batches end at offset {at}, not at {end}")) }
    }

    /// One line: there may be a hundred thousand batches in it.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec(self).expect("a record has text keys and whole numbers");
        json.push(b'\n');
        json
    }
}

impl FoldedBatch {
    pub(crate) fn of(series: &Series, record: BatchRecord, expired: Option<OffsetRange>) -> Self {
        let BatchRecord { start, end, records, skipped, files, .. } = record;
        let date = |file: FileEntry| (series.data_file_date(&file.path).unwrap_or_default().to_owned(), file.rows);
        Self { start, end, records, skipped, files: files.into_iter().map(date).collect(), expired }
    }
}

impl Standing {
    pub(crate) fn of(record: BatchRecord, expired: Option<OffsetRange>) -> Self {
        let BatchRecord { start, end, records, skipped, files, .. } = record;
        Self { start, end, records, skipped, files, expired }
    }

    pub(crate) fn folded(series: &Series, batch: FoldedBatch) -> Self {
        let FoldedBatch { start, end, records, skipped, files, expired } = batch;
        let entry = |(date, rows): (String, u64)| FileEntry { path: series.data_file_path(&date, start), rows };
        Self { start, end, records, skipped, files: files.into_iter().map(entry).collect(), expired }
    }
}
