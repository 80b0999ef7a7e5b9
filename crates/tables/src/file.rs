//! What a Parquet file says about itself: which offsets of which log it was made of, and which rows it holds.

use std::ops::Range;

use bytes::Bytes;
use events::{LogId, NextOffset, Offset};
use parquet::file::metadata::KeyValue;

use crate::reading::{Depth, FileReading, Next, Reading};
use crate::table::Table;

/// Where a batch comes from: a run of offsets of one partition of one log. It stands in each file's metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lineage {
    /// The table.
    pub table: Table,
    /// The log.
    pub log_id: LogId,
    /// The partition.
    pub partition: u32,
    /// Where the batch begins.
    pub start: NextOffset,
    /// One past its last record.
    pub end: NextOffset,
}

/// What was found in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFacts {
    /// The batch that it says it belongs to.
    pub lineage: Lineage,
    /// The offsets of its rows, in the order of the rows.
    pub offsets: Vec<Offset>,
}

/// Why a file is none of ours.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No Parquet, cut short, or without the columns that it must have.
    #[error("not a readable Parquet file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Damaged within.
    #[error("not a readable Parquet file: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The metadata of ours is absent or wrong.
    #[error("the file's metadata `{0}` is absent or wrong: it was not written by Tributary")]
    Lineage(&'static str),
    /// Its footer names what is not there.
    #[error("not a readable Parquet file: its footer speaks of more than its {0} bytes")]
    Beyond(u64),
    /// The decoder gave up on it.
    #[error("not a readable Parquet file: its decoder gave up on it")]
    Panic,
    /// It is not as it was made.
    #[error("damaged: its bytes are not those that its checksum was made of")]
    Checksum,
    /// A column that every file has, and of what kind it is.
    #[error("the file's column `{0}` is absent or no column of ours")]
    Column(&'static str),
}

impl Lineage {
    /// The metadata's names and values.
    pub(crate) fn pairs(&self) -> [(&'static str, String); 5] {
        [
            (LOG_ID, self.log_id.to_string()),
            (TOPIC, self.table.topic().to_string()),
            (PARTITION, self.partition.to_string()),
            (START, self.start.to_string()),
            (END, self.end.to_string()),
        ]
    }
}

const LOG_ID: &str = "tributary.log_id";
const TOPIC: &str = "tributary.topic";
const PARTITION: &str = "tributary.partition";
const START: &str = "tributary.start_offset";
const END: &str = "tributary.end_offset";

impl FileFacts {
    /// Reads a file's metadata and its column `offset`.
    pub fn read(file: Bytes) -> Result<Self, FileError> {
        let mut reading = FileReading::begin(file.len() as u64, "", Depth::Offsets)?;
        let mut offsets = Vec::new();
        loop {
            match reading.advance()? {
                Next::Needs(ranges) => {
                    let piece = |range: &Range<u64>| file.slice(range.start as usize..range.end as usize);
                    let bytes = ranges.iter().map(piece).collect();
                    reading.bring(ranges, bytes)?;
                }
                Next::Rows(rows) => offsets.extend(rows.offsets),
                Next::End => break,
            }
        }
        let (lineage, _) = reading.facts().cloned().ok_or(FileError::Lineage(LOG_ID))?;
        Ok(Self { lineage, offsets })
    }
}

impl Lineage {
    /// Reads it back from a file's metadata.
    pub(crate) fn of(pairs: &[KeyValue]) -> Result<Self, FileError> {
        let text = |name: &'static str| {
            let pair = pairs.iter().find(|pair| pair.key == name);
            pair.and_then(|pair| pair.value.as_deref()).ok_or(FileError::Lineage(name))
        };
        let number = |name: &'static str| text(name)?.parse::<i64>().map_err(|_| FileError::Lineage(name));
        let topic = text(TOPIC)?.parse().ok().and_then(Table::of);
        Ok(Self {
            table: topic.ok_or(FileError::Lineage(TOPIC))?,
            log_id: LogId::try_from(text(LOG_ID)?.to_owned()).map_err(|_| FileError::Lineage(LOG_ID))?,
            partition: text(PARTITION)?.parse().map_err(|_| FileError::Lineage(PARTITION))?,
            start: NextOffset(number(START)?),
            end: NextOffset(number(END)?),
        })
    }
}
