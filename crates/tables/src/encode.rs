//! Sorted rows to one Parquet file.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};

use crate::checksum;
use crate::file::Lineage;
use crate::layout::{Layout, properties};
use crate::table::{Day, Table};

/// One file of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataFile {
    /// The day that all its rows belong to.
    pub day: Day,
    /// How many rows it has.
    pub rows: u64,
    /// The file.
    pub bytes: Bytes,
}

/// Why rows could not be made a file.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The layout asks for what cannot be, or the rows are too large for one file.
    #[error("cannot encode a Parquet file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The rows do not fit their schema.
    #[error("cannot encode a Parquet file: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}

/// Rows are put in order and handed to the encoder this many at a time, so that the sorted copy stays small.
const ROWS_AT_ONCE: usize = 8 * 1024;

/// A batch's rows in the order in which they came.
pub(crate) struct Rows {
    columns: Vec<ArrayRef>,
}

impl Rows {
    pub(crate) fn new(mut columns: Vec<ArrayRef>, offsets: Vec<i64>, lineage: &Lineage) -> Self {
        columns.push(Arc::new(Int32Array::from_value(lineage.partition as i32, offsets.len())));
        columns.push(Arc::new(Int64Array::from(offsets)));
        Self { columns }
    }
}

/// Encodes the rows of one day, in the order given.
pub(crate) fn file(
    day: Day,
    rows: &Rows,
    order: &[u32],
    lineage: &Lineage,
    layout: &Layout,
) -> Result<DataFile, EncodeError> {
    let schema = lineage.table.schema();
    let unsorted = RecordBatch::try_new(SchemaRef::clone(&schema), rows.columns.clone())?;
    let mut writer = writer(lineage.table, schema, lineage, layout)?;
    for some in order.chunks(ROWS_AT_ONCE) {
        writer.write(&take_record_batch(&unsorted, &UInt32Array::from(some.to_vec()))?)?;
    }
    Ok(DataFile { day, rows: order.len() as u64, bytes: finish(writer)? })
}

/// A file without rows: what stands for one whose records the log no longer holds.
pub fn empty_file(lineage: &Lineage, layout: &Layout) -> Result<Bytes, EncodeError> {
    let writer = writer(lineage.table, lineage.table.schema(), lineage, layout)?;
    finish(writer)
}

/// Ends a file with its checksum.
fn finish(writer: ArrowWriter<Vec<u8>>) -> Result<Bytes, EncodeError> {
    let mut file = writer.into_inner()?;
    checksum::seal(&mut file);
    Ok(file.into())
}

fn writer(
    table: Table,
    schema: SchemaRef,
    lineage: &Lineage,
    layout: &Layout,
) -> Result<ArrowWriter<Vec<u8>>, EncodeError> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties(table, &schema, layout, lineage)?)
        .with_schema_root(table.name().to_owned())
        // Readers need nothing but Parquet's own types, and small files stay small.
        .with_skip_arrow_metadata(true);
    Ok(ArrowWriter::try_new_with_options(Vec::new(), schema, options)?)
}
