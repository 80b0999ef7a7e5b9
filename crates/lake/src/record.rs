//! What is written among the batch records: a batch's range, layout and files; and what it lacks.

use events::NextOffset;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tables::Layout;

use crate::error::LakeError;
use crate::names::Series;

/// The format that this build writes, and the newest that it reads.
pub(crate) const FORMAT: u64 = 1;

/// A run of offsets: from the first to the one behind the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OffsetRange {
    /// The first.
    pub from: NextOffset,
    /// The one behind the last.
    pub to: NextOffset,
}

/// The record of one batch. It stands before any of the batch's files does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRecord {
    format: u64,
    table: tables::Table,
    log_id: events::LogId,
    partition: u32,
    /// Where the batch begins: where the one before ended.
    pub start: NextOffset,
    /// One past its last record.
    pub end: NextOffset,
    /// How many records were read in that range: rows, and those that are skipped.
    pub records: u64,
    /// Records that are no rows, because the table cannot read them. In order, never touching.
    pub skipped: Vec<OffsetRange>,
    /// How the files are laid out.
    pub layout: Layout,
    /// Every file, in order of days.
    pub files: Vec<FileEntry>,
}

/// A file that a batch consists of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Where it lies, from the lake's root.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
}

/// What a batch should have had, and the topic no longer held when its files were written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GapRecord {
    format: u64,
    /// The offsets that had expired. Rows of them that stand in the batch's files were written before.
    pub(crate) expired: OffsetRange,
}

/// Any of our records, as far as every build can read it.
#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
}

impl OffsetRange {
    /// How many offsets it spans.
    pub fn len(&self) -> u64 {
        (self.to.0 - self.from.0).max(0) as u64
    }

    /// Whether it spans none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the offset lies within.
    pub fn contains(&self, offset: events::Offset) -> bool {
        (self.from.0..self.to.0).contains(&offset.0)
    }
}

impl BatchRecord {
    pub(crate) fn new(series: &Series, start: NextOffset, end: NextOffset, records: u64, layout: Layout) -> Self {
        let (table, log_id, partition) = (series.table, series.log_id.clone(), series.partition);
        let (skipped, files) = (Vec::new(), Vec::new());
        Self { format: FORMAT, table, log_id, partition, start, end, records, skipped, layout, files }
    }

    /// The chain that it belongs to.
    pub fn series(&self) -> Series {
        Series { table: self.table, log_id: self.log_id.clone(), partition: self.partition }
    }

    /// Whether a record of the log was skipped when the batch was made, so that it must be skipped again.
    pub fn skips(&self, offset: events::Offset) -> bool {
        let at = self.skipped.partition_point(|range| range.to.0 <= offset.0);
        self.skipped.get(at).is_some_and(|range| range.contains(offset))
    }

    /// Reads a record, and checks that it is what its name says.
    pub(crate) fn read(series: &Series, path: &str, json: &[u8]) -> Result<Self, LakeError> {
        let record: Self = read(path, json)?;
        record.check(series, path).map_err(|why| LakeError::BadRecord { path: path.to_owned(), why })?;
        Ok(record)
    }

    fn check(&self, series: &Series, path: &str) -> Result<(), String> {
        if self.series() != *series || series.record_path(self.start) != path {
            return Err(format!("it says that it is of {} at offset {}", self.series(), self.start));
        }
        if self.start < NextOffset::START || self.end <= self.start {
            return Err(format!("it goes from offset {} to {}", self.start, self.end));
        }
        match self.files.iter().find(|file| series.data_file_start(&file.path) != Some(self.start)) {
            Some(file) => Err(format!("it names the file `{}`, which is not one of its own", file.path)),
            None => Ok(()),
        }
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }
}

impl GapRecord {
    pub(crate) fn new(expired: OffsetRange) -> Self {
        Self { format: FORMAT, expired }
    }

    pub(crate) fn read(path: &str, json: &[u8]) -> Result<Self, LakeError> {
        read(path, json)
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }
}

pub(crate) fn read<T: DeserializeOwned>(path: &str, json: &[u8]) -> Result<T, LakeError> {
    let bad = |error: serde_json::Error| LakeError::BadRecord { path: path.to_owned(), why: error.to_string() };
    let AnyFormat { format } = serde_json::from_slice(json).map_err(bad)?;
    if format > FORMAT {
        return Err(LakeError::Newer { path: path.to_owned(), format, known: FORMAT });
    }
    serde_json::from_slice(json).map_err(bad)
}

pub(crate) fn to_json<T: Serialize>(record: &T) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(record).expect("a record has text keys and whole numbers");
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests;
