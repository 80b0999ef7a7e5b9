//! A file's columns as they are, batch by batch, from the bytes that somebody brings.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

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
}

#[derive(Debug)]
enum State {
    Metadata(Box<ParquetMetaDataPushDecoder>),
    Rows(Box<ParquetPushDecoder>),
}

/// Rows that are decoded at once.
const ROWS_AT_ONCE: usize = 8 * 1024;

impl Decoding {
    /// Begins a file of that many bytes. Of the columns named those are read that it has; `None` are all.
    pub(super) fn begin(len: u64, columns: Option<Vec<&'static str>>) -> Result<Self, FileError> {
        let decoder = ParquetMetaDataPushDecoder::try_new(len)?.with_page_index_policy(PageIndexPolicy::Skip);
        Ok(Self { len, columns, state: State::Metadata(Box::new(decoder)), facts: None })
    }

    /// What the file was made of, and how many rows it says it has; known before the first batch.
    pub(super) fn facts(&self) -> Option<&(Lineage, u64)> {
        self.facts.as_ref()
    }

    pub(super) fn bring(&mut self, ranges: Vec<Range<u64>>, bytes: Vec<Bytes>) -> Result<(), FileError> {
        match &mut self.state {
            State::Metadata(decoder) => decoder.push_ranges(ranges, bytes)?,
            State::Rows(decoder) => decoder.push_ranges(ranges, bytes)?,
        }
        Ok(())
    }

    pub(super) fn advance(&mut self) -> Result<Decoded, FileError> {
        loop {
            match &mut self.state {
                State::Metadata(decoder) => match decoder.try_decode()? {
                    DecodeResult::NeedsData(ranges) => return self.needs(ranges),
                    DecodeResult::Data(metadata) => self.begin_rows(metadata)?,
                    DecodeResult::Finished => return Ok(Decoded::End),
                },
                State::Rows(decoder) => match decoder.try_decode()? {
                    DecodeResult::NeedsData(ranges) => return self.needs(ranges),
                    DecodeResult::Data(batch) => return Ok(Decoded::Batch(batch)),
                    DecodeResult::Finished => return Ok(Decoded::End),
                },
            }
        }
    }

    /// A damaged footer may name bytes that are not there.
    fn needs(&self, ranges: Vec<Range<u64>>) -> Result<Decoded, FileError> {
        if ranges.is_empty() || ranges.iter().any(|range| range.start >= range.end || range.end > self.len) {
            return Err(FileError::Beyond(self.len));
        }
        Ok(Decoded::Needs(ranges))
    }

    fn begin_rows(&mut self, metadata: ParquetMetaData) -> Result<(), FileError> {
        let file = metadata.file_metadata();
        let pairs = file.key_value_metadata().map_or(&[][..], Vec::as_slice);
        self.facts = Some((Lineage::of(pairs)?, file.num_rows().max(0) as u64));
        let mask = match &self.columns {
            Some(columns) => ProjectionMask::columns(file.schema_descr(), columns.iter().copied()),
            None => ProjectionMask::all(),
        };
        let decoder = ParquetPushDecoderBuilder::try_new_decoder(Arc::new(metadata))?;
        self.state = State::Rows(Box::new(decoder.with_projection(mask).with_batch_size(ROWS_AT_ONCE).build()?));
        Ok(())
    }
}
