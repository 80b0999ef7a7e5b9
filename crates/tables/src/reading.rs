//! Reads a file piece by piece, as somebody brings the bytes, and holds its rows against what they must be.
//!
//! Pure: says which bytes it needs next. For the offsets alone those are the footer and one small column; for all of it the
//! columns of one row group at a time, with what lies between them, so that the checksum is over all of the file.

use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use events::{Offset, Timestamp};
use xxhash_rust::xxh3::xxh3_128;

use crate::file::{FileError, Lineage};
use crate::table::{Day, Table};

mod decoding;
mod raw_hits;

use decoding::{Decoded, Decoding};
pub use raw_hits::{HitReading, RawHit};

/// How much of a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Its metadata, and its rows' offsets.
    Offsets,
    /// Every column of every row, and whether every byte is as it was written.
    Everything,
}

/// What comes next of a file.
#[derive(Debug)]
pub enum Next<R> {
    /// These bytes are needed first: [`Reading::bring`] them.
    Needs(Vec<Range<u64>>),
    /// Some rows, in the order of the file.
    Rows(R),
    /// That was all.
    End,
}

/// A file that is read piece by piece.
pub trait Reading {
    /// Some of its rows.
    type Rows;

    /// Takes bytes that it needs.
    fn bring(&mut self, ranges: Vec<Range<u64>>, bytes: Vec<Bytes>) -> Result<(), FileError>;

    /// Goes on as far as the bytes go.
    fn advance(&mut self) -> Result<Next<Self::Rows>, FileError>;
}

/// Rows of a file.
#[derive(Debug, Default)]
pub struct SomeRows {
    /// The first one's number in the file, from 0.
    pub first: u64,
    /// Their offsets.
    pub offsets: Vec<Offset>,
    /// What must stand once in its table, as a hash, for each row; empty where there is no such thing, or only offsets are
    /// read. Of hits it is site, visitor and hit id, of sessions the session id.
    pub ids: Vec<u128>,
    /// What is wrong with rows, by their number in the file.
    pub faults: Vec<(u64, RowFault)>,
}

/// What must not be of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RowFault {
    /// The file says that its rows are sorted, and readers skip rows by that.
    #[error("is not sorted by site, time and offset")]
    Unsorted,
    /// Its time falls on another day than its folder says.
    #[error("belongs to another day")]
    OtherDay,
    /// It says that it was read from another partition.
    #[error("is of another partition")]
    OtherPartition,
}

/// A file whose rows are held against what they must be.
#[derive(Debug)]
pub struct FileReading {
    decoding: Decoding,
    depth: Depth,
    /// The day that its folder names.
    day: Option<Day>,
    next_row: u64,
    last: Option<(Option<String>, i64, i64)>,
}

impl FileReading {
    /// Begins a file of that many bytes, in the folder of that date, `2026-11-21`.
    pub fn begin(len: u64, date: &str, depth: Depth) -> Result<Self, FileError> {
        let columns = match depth {
            Depth::Offsets => Some(vec!["offset"]),
            Depth::Everything => None,
        };
        Ok(Self { decoding: Decoding::begin(len, columns)?, depth, day: date.parse().ok(), next_row: 0, last: None })
    }

    /// What it was made of, and how many rows it says it has; known before its first rows.
    pub fn facts(&self) -> Option<&(Lineage, u64)> {
        self.decoding.facts()
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<SomeRows, FileError> {
        let first = self.next_row;
        self.next_row += batch.num_rows() as u64;
        let column = |name| batch.column_by_name(name).ok_or(FileError::Column(name));
        let offsets = column("offset")?.as_primitive_opt::<Int64Type>().ok_or(FileError::Column("offset"))?;
        let offsets = offsets.values();
        let mut rows =
            SomeRows { first, offsets: offsets.iter().map(|&offset| Offset(offset)).collect(), ..SomeRows::default() };
        if self.depth == Depth::Offsets {
            return Ok(rows);
        }
        let (lineage, _) = self.decoding.facts().expect("the metadata comes before the rows");
        let time_column = lineage.table.time_column();
        let times = column(time_column)?.as_primitive_opt::<TimestampMicrosecondType>();
        let times = times.ok_or(FileError::Column(time_column))?.values();
        let partitions = column("partition")?.as_primitive_opt::<Int32Type>().ok_or(FileError::Column("partition"))?;
        let sites = Texts::of(batch, "site")?;
        for row in 0..batch.num_rows() {
            let number = first + row as u64;
            let is_sorted = self.last.as_ref().is_none_or(|(site, time, offset)| {
                (site.as_deref(), *time, *offset) <= (sites.at(row), times[row], offsets[row])
            });
            if !is_sorted {
                rows.faults.push((number, RowFault::Unsorted));
            }
            if self.day != Some(Day::of(Timestamp::from_millis(times[row].div_euclid(1000)))) {
                rows.faults.push((number, RowFault::OtherDay));
            }
            if i64::from(partitions.value(row)) != i64::from(lineage.partition) {
                rows.faults.push((number, RowFault::OtherPartition));
            }
            match &mut self.last {
                Some((site, time, offset)) => {
                    if site.as_deref() != sites.at(row) {
                        *site = sites.at(row).map(str::to_owned);
                    }
                    (*time, *offset) = (times[row], offsets[row]);
                }
                none => *none = Some((sites.at(row).map(str::to_owned), times[row], offsets[row])),
            }
        }
        rows.ids = ids(lineage, batch)?;
        Ok(rows)
    }
}

impl Reading for FileReading {
    type Rows = SomeRows;

    fn bring(&mut self, ranges: Vec<Range<u64>>, bytes: Vec<Bytes>) -> Result<(), FileError> {
        self.decoding.bring(ranges, bytes)
    }

    fn advance(&mut self) -> Result<Next<SomeRows>, FileError> {
        Ok(match self.decoding.advance()? {
            Decoded::Needs(ranges) => Next::Needs(ranges),
            Decoded::Batch(batch) => Next::Rows(self.rows(&batch)?),
            Decoded::End => Next::End,
        })
    }
}

/// A hash for each row of what must stand once in its table.
fn ids(lineage: &Lineage, batch: &RecordBatch) -> Result<Vec<u128>, FileError> {
    let rows = 0..batch.num_rows();
    match lineage.table {
        Table::Hits => {
            let (sites, visitors) = (Texts::of(batch, "site")?, Texts::of(batch, "visitor_id")?);
            let hit_ids = Texts::of(batch, "hit_id")?;
            // What has no visitor has no home among the partitions: a copy of it may be new to another one.
            let alone = format!("\0{}", lineage.partition);
            let id = |row| {
                let visitor = visitors.at(row).unwrap_or(&alone);
                xxh3_128(
                    [sites.at(row).unwrap_or_default(), visitor, hit_ids.at(row).unwrap_or_default()]
                        .join("\0")
                        .as_bytes(),
                )
            };
            Ok(rows.map(id).collect())
        }
        Table::Sessions => {
            let session_ids = Texts::of(batch, "session_id")?;
            Ok(rows.map(|row| xxh3_128(session_ids.at(row).unwrap_or_default().as_bytes())).collect())
        }
        Table::Late | Table::Rejected => Ok(Vec::new()),
    }
}

/// A column of texts.
struct Texts<'a>(&'a arrow::array::StringArray);

impl<'a> Texts<'a> {
    fn of(batch: &'a RecordBatch, name: &'static str) -> Result<Self, FileError> {
        let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        column.map(Self).ok_or(FileError::Column(name))
    }

    fn at(&self, row: usize) -> Option<&'a str> {
        (!self.0.is_null(row)).then(|| self.0.value(row))
    }
}

#[cfg(test)]
mod tests;
