//! What a Parquet file says about itself: which offsets of which log it was made of, and which rows it holds.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use events::{LogId, NextOffset, Offset};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

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
    /// A row without an offset.
    #[error("the file's column `offset` is no column of ours")]
    Offsets,
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
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let lineage = lineage(&reader)?;
        let mask = ProjectionMask::columns(reader.parquet_schema(), ["offset"]);
        let mut offsets = Vec::with_capacity(reader.metadata().file_metadata().num_rows().max(0) as usize);
        for batch in reader.with_projection(mask).build()? {
            let batch = batch?;
            let column = batch.column_by_name("offset").and_then(|column| column.as_primitive_opt::<Int64Type>());
            let column = column.ok_or(FileError::Offsets)?;
            offsets.extend(column.values().iter().map(|&offset| Offset(offset)));
        }
        Ok(Self { lineage, offsets })
    }
}

fn lineage(reader: &ParquetRecordBatchReaderBuilder<Bytes>) -> Result<Lineage, FileError> {
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let text = |name: &'static str| {
        let pair = pairs.into_iter().flatten().find(|pair| pair.key == name);
        pair.and_then(|pair| pair.value.as_deref()).ok_or(FileError::Lineage(name))
    };
    let number = |name: &'static str| text(name)?.parse::<i64>().map_err(|_| FileError::Lineage(name));
    let topic = text(TOPIC)?.parse().ok().and_then(Table::of);
    Ok(Lineage {
        table: topic.ok_or(FileError::Lineage(TOPIC))?,
        log_id: LogId::try_from(text(LOG_ID)?.to_owned()).map_err(|_| FileError::Lineage(LOG_ID))?,
        partition: text(PARTITION)?.parse().map_err(|_| FileError::Lineage(PARTITION))?,
        start: NextOffset(number(START)?),
        end: NextOffset(number(END)?),
    })
}
