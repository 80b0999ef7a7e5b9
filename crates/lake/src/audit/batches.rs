//! The batches that stand, folded or not, and what their files hold.

use std::collections::BTreeMap;

use events::{NextOffset, Offset};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use tables::reading::{Depth, SomeRows};
use tables::{FileError, Table};

use super::Ids;
use super::fault::Fault;
use crate::error::LakeError;
use crate::folded::{FoldedRecord, Standing};
use crate::listing::Listing;
use crate::names::Series;
use crate::open::Lake;
use crate::reading::{self, Found};
use crate::record::{BatchRecord, GapRecord};

/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 16;

/// How often a chain is read anew whose records were folded meanwhile.
const LISTINGS: usize = 3;

/// The most rows of one file that are named.
const MOST_ROW_FAULTS: usize = 100;

/// What was read of one batch.
#[derive(Debug, Default)]
pub(super) struct BatchRead {
    pub(super) files: u64,
    pub(super) offsets: Vec<Offset>,
    pub(super) faults: Vec<Fault>,
}

impl Lake {
    /// Every batch of a chain, in order: those that are folded, and those that are not.
    pub(super) async fn standing(&self, series: &Series, faults: &mut Vec<Fault>) -> Result<Vec<Standing>, LakeError> {
        for _ in 1..LISTINGS {
            if let Some(standing) = self.try_standing(series, faults).await? {
                return Ok(standing);
            }
        }
        let gone =
            || LakeError::BadRecord { path: series.folder(), why: "its records vanish while they are read".to_owned() };
        self.try_standing(series, faults).await?.ok_or_else(gone)
    }

    /// The same; `None` where a record was folded away while this looked.
    async fn try_standing(&self, series: &Series, faults: &mut Vec<Fault>) -> Result<Option<Vec<Standing>>, LakeError> {
        let (listing, mut standing) = (Listing::read(&self.store, series).await?, Vec::new());
        for range in listing.holding() {
            let path = series.folded_path(range);
            let Some(json) = self.store.find(&path).await? else { return Ok(None) };
            let folded = FoldedRecord::read(series, &path, &json)?;
            standing.extend(folded.batches.into_iter().map(|batch| Standing::folded(series, batch)));
        }
        let reads: Vec<_> = listing.batches.iter().map(|&(start, _)| self.single(series, &listing, start)).collect();
        let mut reads = futures::stream::iter(reads).buffered(RECORDS_AT_ONCE);
        while let Some(read) = reads.try_next().await? {
            let Some(batch) = read else { return Ok(None) };
            if batch.start >= listing.folded_to() {
                standing.push(batch);
                continue;
            }
            // What a folder has left, or what somebody wrote who had been away for too long.
            let same = standing.binary_search_by_key(&batch.start, |batch| batch.start);
            if same.map(|at| standing[at].end) != Ok(batch.end) {
                faults.push(Fault::Outlived(series.record_path(batch.start)));
            }
        }
        drop(reads);
        Ok(Some(standing))
    }

    /// A batch that is not folded; `None` where its record is gone.
    async fn single(
        &self,
        series: &Series,
        listing: &Listing,
        start: NextOffset,
    ) -> Result<Option<Standing>, LakeError> {
        let path = series.record_path(start);
        let Some(json) = self.store.find(&path).await? else { return Ok(None) };
        let record = BatchRecord::read(series, &path, &json)?;
        let path = series.gap_path(start);
        let gap = if listing.has_gap(start) { self.store.find(&path).await? } else { None };
        let expired = gap.map(|json| GapRecord::read(&path, &json)).transpose()?.map(|gap| gap.expired);
        Ok(Some(Standing::of(record, expired)))
    }

    /// How large each object of a table is.
    pub(super) async fn sizes(&self, table: Table) -> Result<BTreeMap<String, u64>, LakeError> {
        let at = Path::from(table.name());
        let mut objects = self.store.inner.list(Some(&at));
        let mut sizes = BTreeMap::new();
        while let Some(object) = self.store.within("list", table.name(), objects.try_next()).await? {
            sizes.insert(object.location.to_string(), object.size);
        }
        Ok(sizes)
    }

    pub(super) async fn read_batch(
        &self,
        series: &Series,
        batch: &Standing,
        sizes: &BTreeMap<String, u64>,
        mut ids: Option<&mut dyn Ids>,
    ) -> Result<BatchRead, LakeError> {
        let lineage = series.lineage(batch.start, batch.end);
        let depth = if ids.is_some() { Depth::Everything } else { Depth::Offsets };
        let mut read = BatchRead::default();
        for file in &batch.files {
            let path = &file.path;
            let (first, faults_before) = (read.offsets.len(), read.faults.len());
            let (offsets, faults) = (&mut read.offsets, &mut read.faults);
            let on_rows = |rows: SomeRows| {
                if let Some(ids) = ids.as_deref_mut() {
                    ids.take(path, rows.first, &rows.ids);
                }
                offsets.extend(rows.offsets);
                let room = MOST_ROW_FAULTS.saturating_sub(faults.len() - faults_before);
                let of_row = |(row, fault)| Fault::Row { path: path.clone(), row, fault };
                faults.extend(rows.faults.into_iter().take(room).map(of_row));
            };
            let found = match sizes.get(path) {
                Some(&size) => reading::read(&self.store, path, size, depth, on_rows).await?,
                None => Found::Missing,
            };
            let bad = |why: String| Fault::BadFile { path: path.clone(), why };
            let rows = (read.offsets.len() - first) as u64;
            match found {
                Found::Missing => {
                    read.faults.push(Fault::MissingFile(path.clone()));
                    read.offsets.truncate(first);
                    continue;
                }
                Found::Bad(error) => {
                    // Of a file whose rows can all be read, none is missing.
                    if !matches!(error, FileError::Checksum) {
                        read.offsets.truncate(first);
                    }
                    read.faults.push(bad(error.to_string()));
                }
                Found::File(found, _) if found != lineage => {
                    read.faults.push(bad(format!("it was made of {found:?}")));
                    read.offsets.truncate(first);
                }
                Found::File(_, said) if said != rows => {
                    read.faults.push(bad(format!("its footer says {said} rows, and it has {rows}")));
                }
                Found::File(..) if rows > file.rows || (rows < file.rows && batch.expired.is_none()) => {
                    read.faults.push(bad(format!("its batch has {} rows for it, and it has {rows}", file.rows)));
                }
                Found::File(..) => {}
            }
            read.files += 1;
        }
        Ok(read)
    }
}
