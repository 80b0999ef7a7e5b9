//! Rows of `hits` and of `late` back into the hits that they were made of.

use std::ops::Range;

use arrow::array::{Array, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use events::{Offset, Timestamp, ids};

use super::decoding::{Decoded, Decoding};
use super::{Next, Reading};
use crate::columns::Column;
use crate::file::{FileError, Lineage};
use crate::table::Table;

/// A hit as it stood in the topic `hits`, without what was derived from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawHit {
    /// The event time that windows and dates use. A hit whose own time lay in the log's future has the log's: as the time at
    /// which another log takes it, it makes the same of it.
    pub time: Timestamp,
    /// The partition that it stood in.
    pub partition: u32,
    /// Its offset there.
    pub raw_offset: Offset,
    /// The record's key.
    pub key: Vec<u8>,
    /// The record's value.
    pub value: Vec<u8>,
}

/// A file of `hits` or `late` that is read back. Both begin with the hit's own columns.
#[derive(Debug)]
pub struct HitReading {
    decoding: Decoding,
    /// The hit's own columns, in the order of its JSON.
    own: Vec<Column>,
}

/// The first column that is not the hit's own.
const FIRST_DERIVED: &str = "time";
/// Columns that are JSON themselves.
const JSON: [&str; 2] = ["privacy", "props"];

impl HitReading {
    /// Begins a file of that many bytes.
    pub fn begin(len: u64) -> Result<Self, FileError> {
        let own: Vec<_> = Table::Hits.columns().into_iter().take_while(|column| column.name != FIRST_DERIVED).collect();
        let names = own.iter().map(|column| column.name).chain([FIRST_DERIVED, "raw_offset", "partition"]);
        Ok(Self { decoding: Decoding::begin(len, Some(names.collect()))?, own })
    }

    /// What it was made of, and how many rows it says it has; known before its first rows.
    pub fn facts(&self) -> Option<&(Lineage, u64)> {
        self.decoding.facts()
    }

    fn hits(&self, batch: &RecordBatch) -> Result<Vec<RawHit>, FileError> {
        let cells = self.own.iter().map(|column| Cells::of(batch, column)).collect::<Result<Vec<_>, _>>()?;
        let times: &TimestampMicrosecondArray =
            required(batch, FIRST_DERIVED)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or(BAD_TIME)?;
        let raw_offsets: &Int64Array =
            required(batch, "raw_offset")?.as_primitive_opt::<Int64Type>().ok_or(FileError::Column("raw_offset"))?;
        let partitions: &Int32Array =
            required(batch, "partition")?.as_primitive_opt::<Int32Type>().ok_or(FileError::Column("partition"))?;
        let text = |name| texts(required(batch, name)?).ok_or(FileError::Column(name));
        let (sites, hit_ids) = (text("site")?, text("hit_id")?);
        let visitors = batch.column_by_name("visitor_id").and_then(|column| texts(column));
        let hit = |row| {
            let visitor = visitors.filter(|visitors| visitors.is_valid(row)).map(|visitors| visitors.value(row));
            let key = match visitor {
                Some(visitor) => ids::visitor_key(sites.value(row), visitor),
                None => {
                    let hit_id = ids::parse_hit_id(hit_ids.value(row)).ok_or(FileError::Column("hit_id"))?;
                    ids::anonymous_key(sites.value(row), hit_id)
                }
            };
            Ok(RawHit {
                time: millis(times.value(row)),
                partition: partitions.value(row) as u32,
                raw_offset: Offset(raw_offsets.value(row)),
                key,
                value: self.json(&cells, row),
            })
        };
        (0..batch.num_rows()).map(hit).collect()
    }

    /// The record's JSON: what is absent is left out, as the collector writes it.
    fn json(&self, cells: &[Option<Cells<'_>>], row: usize) -> Vec<u8> {
        let mut json = vec![b'{'];
        for (column, cells) in self.own.iter().zip(cells) {
            let Some(cells) = cells.as_ref().filter(|cells| cells.has(row)) else { continue };
            if json.len() > 1 {
                json.push(b',');
            }
            json.push(b'"');
            json.extend_from_slice(column.name.as_bytes());
            json.extend_from_slice(b"\":");
            cells.write(row, &mut json);
        }
        json.push(b'}');
        json
    }
}

impl Reading for HitReading {
    type Rows = Vec<RawHit>;

    fn bring(&mut self, ranges: Vec<Range<u64>>, bytes: Vec<Bytes>) -> Result<(), FileError> {
        self.decoding.bring(ranges, bytes)
    }

    fn advance(&mut self) -> Result<Next<Vec<RawHit>>, FileError> {
        Ok(match self.decoding.advance()? {
            Decoded::Needs(ranges) => Next::Needs(ranges),
            Decoded::Batch(batch) => Next::Rows(self.hits(&batch)?),
            Decoded::End => Next::End,
        })
    }
}

const BAD_TIME: FileError = FileError::Column(FIRST_DERIVED);

/// One of the hit's own columns.
enum Cells<'a> {
    Texts(&'a StringArray),
    Json(&'a StringArray),
    Times(&'a TimestampMicrosecondArray),
}

impl<'a> Cells<'a> {
    /// `None` where an older file has no such column yet.
    fn of(batch: &'a RecordBatch, column: &Column) -> Result<Option<Self>, FileError> {
        let Some(array) = batch.column_by_name(column.name) else {
            return if column.nullable { Ok(None) } else { Err(FileError::Column(column.name)) };
        };
        let cells = match column.data_type {
            DataType::Timestamp(..) => array.as_primitive_opt::<TimestampMicrosecondType>().map(Self::Times),
            _ if JSON.contains(&column.name) => texts(array).map(Self::Json),
            _ => texts(array).map(Self::Texts),
        };
        cells.ok_or(FileError::Column(column.name)).map(Some)
    }

    fn has(&self, row: usize) -> bool {
        match self {
            Self::Texts(array) | Self::Json(array) => array.is_valid(row),
            Self::Times(array) => array.is_valid(row),
        }
    }

    fn write(&self, row: usize, json: &mut Vec<u8>) {
        match self {
            Self::Texts(array) => {
                serde_json::to_writer(json, array.value(row)).expect("writing to memory does not fail");
            }
            Self::Json(array) => json.extend_from_slice(array.value(row).as_bytes()),
            Self::Times(array) => {
                json.push(b'"');
                millis(array.value(row)).write_rfc3339(json);
                json.push(b'"');
            }
        }
    }
}

fn required<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a dyn Array, FileError> {
    batch.column_by_name(name).map(AsRef::as_ref).ok_or(FileError::Column(name))
}

fn texts(column: &(impl AsArray + ?Sized)) -> Option<&StringArray> {
    column.as_string_opt::<i32>()
}

fn millis(micros: i64) -> Timestamp {
    Timestamp::from_millis(micros.div_euclid(1000))
}

#[cfg(test)]
mod tests;
