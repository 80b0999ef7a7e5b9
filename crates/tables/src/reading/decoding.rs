//! A file's columns as they are, batch by batch, from the bytes that somebody brings; where all are read, its checksum too.

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use crate::checksum::{self, Check};
use crate::file::{FileError, Lineage};

/// What comes next of the columns.
#[derive(Debug)]
pub(super) enum Decoded {
    /// These bytes are needed first.
    Needs(Vec<Range<u64>>),
    /// Some rows.
    Batch(RecordBatch),
    /// That was all.
    End,
}

/// Some columns of a file, or all.
#[derive(Debug)]
pub(super) struct Decoding {
    len: u64,
    columns: Option<Vec<&'static str>>,
    state: State,
    facts: Option<(Lineage, u64)>,
    /// Where the checksum's digits stand, once they were seen.
    digits_at: Option<u64>,
    /// All of the file against its checksum, if it is read and has one.
    check: Option<Check>,
    /// What the rows need of the one range that was asked for on their behalf and the checksum's.
    wanted: Vec<Range<u64>>,
}

#[derive(Debug)]
enum State {
    Metadata(Box<ParquetMetaDataPushDecoder>),
    Rows(Box<ParquetPushDecoder>),
}

/// Rows that are decoded at once.
const ROWS_AT_ONCE: usize = 8 * 1024;

/// Bytes behind the last row that are read at once.
const REST_AT_ONCE: u64 = 1 << 20;

/// What the metadata of files had that were written before there were checksums. One that says more has lost the name of
/// its checksum.
pub(super) const PAIRS_WITHOUT_CHECKSUM: usize = 6;

impl Decoding {
    /// Begins a file of that many bytes. Of the columns named those are read that it has; `None` are all, and every byte is
    /// held against the file's checksum.
    pub(super) fn begin(len: u64, columns: Option<Vec<&'static str>>) -> Result<Self, FileError> {
        let decoder = ParquetMetaDataPushDecoder::try_new(len)?.with_page_index_policy(PageIndexPolicy::Skip);
        let state = State::Metadata(Box::new(decoder));
        Ok(Self { len, columns, state, facts: None, digits_at: None, check: None, wanted: Vec::new() })
    }

    /// What the file was made of, and how many rows it says it has; known before the first batch.
    pub(super) fn facts(&self) -> Option<&(Lineage, u64)> {
        self.facts.as_ref()
    }

    pub(super) fn bring(&mut self, ranges: Vec<Range<u64>>, bytes: Vec<Bytes>) -> Result<(), FileError> {
        match &mut self.state {
            State::Metadata(decoder) => {
                let places =
                    ranges.iter().zip(&bytes).map(|(range, bytes)| Some(range.start + checksum::place(bytes)? as u64));
                self.digits_at = places.flatten().last().or(self.digits_at);
                decoder.push_ranges(ranges, bytes)?;
            }
            State::Rows(decoder) => {
                let (Some(check), [whole], [all]) = (&mut self.check, &ranges[..], &bytes[..]) else {
                    return Ok(decoder.push_ranges(ranges, bytes)?);
                };
                check.take(whole.start, all);
                let wanted = std::mem::take(&mut self.wanted);
                if wanted.is_empty() {
                    return Ok(());
                }
                let within = |at: u64| (at - whole.start) as usize;
                let pieces = wanted.iter().map(|range| all.slice(within(range.start)..within(range.end))).collect();
                decoder.push_ranges(wanted, pieces)?;
            }
        }
        Ok(())
    }

    /// Goes on as far as the bytes go. Whoever hears of an error reads no further.
    pub(super) fn advance(&mut self) -> Result<Decoded, FileError> {
        // The decoder panics over some damages, and a damaged file is no reason to end a process.
        panic::catch_unwind(AssertUnwindSafe(|| self.decode())).map_err(|_| FileError::Panic)?
    }

    fn decode(&mut self) -> Result<Decoded, FileError> {
        loop {
            match &mut self.state {
                State::Metadata(decoder) => match decoder.try_decode()? {
                    DecodeResult::NeedsData(ranges) => return Ok(Decoded::Needs(self.within(ranges)?)),
                    DecodeResult::Data(metadata) => self.begin_rows(metadata)?,
                    DecodeResult::Finished => return Ok(Decoded::End),
                },
                State::Rows(decoder) => match decoder.try_decode()? {
                    DecodeResult::NeedsData(ranges) => return self.needs_with_all_before(ranges),
                    DecodeResult::Data(batch) => return Ok(Decoded::Batch(batch)),
                    DecodeResult::Finished => return self.end(),
                },
            }
        }
    }

    /// A damaged footer may name bytes that are not there.
    fn within(&self, ranges: Vec<Range<u64>>) -> Result<Vec<Range<u64>>, FileError> {
        if ranges.is_empty() || ranges.iter().any(|range| range.start >= range.end || range.end > self.len) {
            return Err(FileError::Beyond(self.len));
        }
        Ok(ranges)
    }

    /// What the rows need; where all of the file is checked, with what lies before and was not read yet, as one range.
    fn needs_with_all_before(&mut self, ranges: Vec<Range<u64>>) -> Result<Decoded, FileError> {
        let ranges = self.within(ranges)?;
        let Some(check) = &self.check else { return Ok(Decoded::Needs(ranges)) };
        let start = ranges.iter().map(|range| range.start).fold(check.read_to(), u64::min);
        let end = ranges.iter().map(|range| range.end).fold(start, u64::max);
        self.wanted = ranges;
        Ok(Decoded::Needs(one(start..end)))
    }

    /// The rows are read; what is left of the file is read for its checksum.
    fn end(&mut self) -> Result<Decoded, FileError> {
        match &self.check {
            Some(check) if check.read_to() < self.len => {
                let end = self.len.min(check.read_to() + REST_AT_ONCE);
                Ok(Decoded::Needs(one(check.read_to()..end)))
            }
            Some(check) if !check.holds() => Err(FileError::Checksum),
            _ => Ok(Decoded::End),
        }
    }

    /// What the file is held against; `None` where it was written before there were checksums.
    fn checked(&self, pairs: &[KeyValue]) -> Result<Option<Check>, FileError> {
        let said = pairs.iter().find(|pair| pair.key == checksum::NAME).and_then(|pair| pair.value.clone());
        match (said, self.digits_at) {
            (Some(said), Some(at)) => Ok(Some(Check::new(said, at))),
            (None, None) if pairs.len() <= PAIRS_WITHOUT_CHECKSUM => Ok(None),
            _ => Err(FileError::Checksum),
        }
    }

    fn begin_rows(&mut self, metadata: ParquetMetaData) -> Result<(), FileError> {
        let file = metadata.file_metadata();
        let pairs = file.key_value_metadata().map_or(&[][..], Vec::as_slice);
        self.facts = Some((Lineage::of(pairs)?, file.num_rows().max(0) as u64));
        if self.columns.is_none() {
            self.check = self.checked(pairs)?;
        }
        let mask = match &self.columns {
            Some(columns) => ProjectionMask::columns(file.schema_descr(), columns.iter().copied()),
            None => ProjectionMask::all(),
        };
        let decoder = ParquetPushDecoderBuilder::try_new_decoder(Arc::new(metadata))?;
        self.state = State::Rows(Box::new(decoder.with_projection(mask).with_batch_size(ROWS_AT_ONCE).build()?));
        Ok(())
    }
}

fn one(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}
