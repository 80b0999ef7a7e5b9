//! Reads a data file by the ranges that are needed of it.

use std::ops::Range;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tables::reading::{Depth, FileReading, Next, Reading, SomeRows};
use tables::{FileError, Lineage};

use crate::error::LakeError;
use crate::store::Store;

/// What a file's footer usually fits into, with a small file's everything. One request instead of three.
const TAIL: u64 = 64 * 1024;

/// What was found of a file.
#[derive(Debug)]
pub(crate) enum Found {
    /// What it was made of, and how many rows it says it has.
    File(Lineage, u64),
    /// It is none of ours, or damaged.
    Bad(FileError),
    /// It is not there.
    Missing,
}

/// Reads a file of that size, and hands its rows over as they come.
pub(crate) async fn read(
    store: &Store,
    path: &str,
    size: u64,
    depth: Depth,
    mut on_rows: impl FnMut(SomeRows),
) -> Result<Found, LakeError> {
    let date = path.split("/date=").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let mut file = Pieces::of(store, path, size, TAIL);
    let mut reading = match FileReading::begin(size, date, depth) {
        Ok(reading) => reading,
        Err(error) => return Ok(Found::Bad(error)),
    };
    loop {
        match reading.advance() {
            Err(error) => return Ok(Found::Bad(error)),
            Ok(Next::Rows(rows)) => on_rows(rows),
            Ok(Next::End) => break,
            Ok(Next::Needs(ranges)) => {
                let Some(bytes) = file.get(&ranges).await? else { return Ok(Found::Missing) };
                if let Err(error) = reading.bring(ranges, bytes) {
                    return Ok(Found::Bad(error));
                }
            }
        }
    }
    Ok(match reading.facts() {
        Some((lineage, rows)) => Found::File(lineage.clone(), *rows),
        None => Found::Missing,
    })
}

/// A file's bytes, by range. Its end is read at once and kept: most of what is asked for lies there.
pub(crate) struct Pieces<'a> {
    store: &'a Store,
    at: Path,
    size: u64,
    tail_from: u64,
    tail: Option<Bytes>,
}

impl<'a> Pieces<'a> {
    /// The pieces of a file of that size, of whose end so many bytes are read at once.
    pub(crate) fn of(store: &'a Store, path: &str, size: u64, tail: u64) -> Self {
        Self { store, at: Path::from(path), size, tail_from: size.saturating_sub(tail), tail: None }
    }

    /// Reads the end, unless it was read; `false` where the file is not there.
    pub(crate) async fn fetch_tail(&mut self) -> Result<bool, LakeError> {
        if self.tail.is_none() {
            let range = self.store.inner.get_range(&self.at, self.tail_from..self.size);
            self.tail = present(self.store.within("read", self.at.as_ref(), range).await)?;
        }
        Ok(self.tail.is_some())
    }

    /// These pieces; `None` where the file is not there.
    pub(crate) async fn get(&mut self, ranges: &[Range<u64>]) -> Result<Option<Vec<Bytes>>, LakeError> {
        if !self.fetch_tail().await? {
            return Ok(None);
        }
        let tail_from = self.tail_from;
        let tail = self.tail.as_ref().filter(|tail| tail.len() as u64 == self.size - tail_from);
        let in_tail = |range: &Range<u64>| {
            let tail = tail.filter(|_| range.start >= tail_from)?;
            Some(tail.slice((range.start - tail_from) as usize..(range.end - tail_from) as usize))
        };
        if let Some(pieces) = ranges.iter().map(in_tail).collect() {
            return Ok(Some(pieces));
        }
        let pieces = self.store.inner.get_ranges(&self.at, ranges);
        present(self.store.within("read", self.at.as_ref(), pieces).await)
    }
}

fn present<T>(got: Result<T, LakeError>) -> Result<Option<T>, LakeError> {
    match got {
        Ok(got) => Ok(Some(got)),
        Err(LakeError::Store { source, .. }) if matches!(*source, object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
