//! Folds the records of old batches into one, so that a chain's folder stays small.
//!
//! A batch record is what stops a lake-writer that everybody believed dead: it cannot create what stands. So a record is
//! folded only when nobody can be so old any more. The folded record is created first, and only what one that stands
//! speaks for is removed: after a crash at any step, and with any number of folders at once, every batch is spoken for.

use events::{NextOffset, Timestamp};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;

use crate::error::LakeError;
use crate::folded::{FoldedBatch, FoldedRecord};
use crate::listing::Listing;
use crate::names::Series;
use crate::open::Lake;
use crate::record::{BatchRecord, GapRecord};
use crate::store::Put;

/// What is folded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Folding {
    /// Records that were put before this moment, by the store's clock.
    pub before: Timestamp,
    /// Nothing is done for fewer: each time the folded record is written anew.
    pub at_least: usize,
    /// The most at once.
    pub at_most: usize,
    /// A folded record with so many batches is left as it is, and the next one is begun.
    pub full: usize,
}

impl Folding {
    /// What is folded of records from before that moment, at a size that bears years of batches.
    pub const fn before(before: Timestamp) -> Self {
        Self { before, at_least: 100, at_most: 10_000, full: 100_000 }
    }
}

/// What a call did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Folded {
    /// Batches that were folded.
    pub batches: usize,
    /// Objects that were removed: their records, notes of gaps, and shorter folded records.
    pub removed: usize,
}

/// Records that are read at once.
const READS_AT_ONCE: usize = 16;

/// Objects that are removed in one call.
const REMOVED_AT_ONCE: usize = 500;

impl Lake {
    /// Folds a chain's old records. Anybody may, at any time, beside lake-writers and other folders.
    pub async fn fold(&self, series: &Series, folding: &Folding) -> Result<Folded, LakeError> {
        let mut listing = Listing::read(&self.store, series).await?;
        let batches = self.old_batches(series, &listing, folding).await?;
        let count = batches.len();
        if count > 0 {
            let Some(folded) = self.longer(series, &listing, batches, folding).await? else {
                // Another one folds, and was first.
                return Ok(Folded::default());
            };
            let (path, json) = (series.folded_path(folded.range()), folded.to_json());
            if let Put::Standing(standing) = self.store.put_new(&path, json.into()).await? {
                // Ours whose answer got lost, or another one's of the same batches.
                FoldedRecord::read(series, &path, &standing)?;
            }
            listing.folded.push(folded.range());
            listing.folded.sort_unstable_by_key(|range| (range.from, std::cmp::Reverse(range.to)));
        }
        let removed = self.remove_what_is_spoken_for(series, &listing, folding.before).await?;
        Ok(Folded { batches: count, removed })
    }

    /// The batches to fold: the oldest that are not folded yet, as far as they follow each other. Never the last one of the
    /// chain, which may be incomplete.
    async fn old_batches(
        &self,
        series: &Series,
        listing: &Listing,
        folding: &Folding,
    ) -> Result<Vec<FoldedBatch>, LakeError> {
        let single = listing.single();
        let all_but_last = single.split_last().map_or(&[][..], |(_, before)| before);
        let old = all_but_last.iter().take_while(|&&(_, put)| put < folding.before).take(folding.at_most);
        let starts: Vec<NextOffset> = old.map(|&(start, _)| start).collect();
        if starts.len() < folding.at_least.max(1) {
            return Ok(Vec::new());
        }
        let reads: Vec<_> = starts.into_iter().map(|start| self.batch_to_fold(series, listing, start)).collect();
        let read: Vec<Option<FoldedBatch>> = stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
        let mut at = listing.folded_to();
        // A chain that is broken is left as it is, for `verify` to name.
        let follows = |batch: &FoldedBatch| batch.start == std::mem::replace(&mut at, batch.end);
        Ok(read.into_iter().map_while(|batch| batch).take_while(follows).collect())
    }

    /// One batch of those; `None` where another folder has removed its record.
    async fn batch_to_fold(
        &self,
        series: &Series,
        listing: &Listing,
        start: NextOffset,
    ) -> Result<Option<FoldedBatch>, LakeError> {
        let path = series.record_path(start);
        let Some(json) = self.store.find(&path).await? else { return Ok(None) };
        let record = BatchRecord::read(series, &path, &json)?;
        let mut expired = None;
        if listing.has_gap(start) {
            let path = series.gap_path(start);
            let Some(json) = self.store.find(&path).await? else { return Ok(None) };
            expired = Some(GapRecord::read(&path, &json)?.expired);
        }
        Ok(Some(FoldedBatch::of(series, record, expired)))
    }

    /// The last folded record and these batches as one, or these alone where it is full; `None` where it is gone, since
    /// somebody has put a longer one.
    async fn longer(
        &self,
        series: &Series,
        listing: &Listing,
        batches: Vec<FoldedBatch>,
        folding: &Folding,
    ) -> Result<Option<FoldedRecord>, LakeError> {
        let Some(last) = listing.holding().pop() else { return Ok(Some(FoldedRecord::new(series, batches))) };
        let path = series.folded_path(last);
        let Some(json) = self.store.find(&path).await? else { return Ok(None) };
        let mut all = FoldedRecord::read(series, &path, &json)?.batches;
        if all.len() >= folding.full {
            return Ok(Some(FoldedRecord::new(series, batches)));
        }
        all.extend(batches);
        Ok(Some(FoldedRecord::new(series, all)))
    }

    /// Removes what a folded record that stands speaks for: records and notes of its batches, and shorter folded records.
    /// A record that lies within and is young is somebody's who should not be: it stays, and `verify` names it.
    async fn remove_what_is_spoken_for(
        &self,
        series: &Series,
        listing: &Listing,
        before: Timestamp,
    ) -> Result<usize, LakeError> {
        let holding = listing.holding();
        let is_spoken_for = |start: NextOffset| holding.iter().any(|range| range.from <= start && start < range.to);
        let spoken_for = || listing.batches.iter().filter(|(start, _)| is_spoken_for(*start));
        let young: Vec<NextOffset> = spoken_for().filter(|(_, put)| *put >= before).map(|(start, _)| *start).collect();
        let is_removed = |start: &NextOffset| is_spoken_for(*start) && young.binary_search(start).is_err();
        let records = listing.batches.iter().map(|(start, _)| start).filter(|start| is_removed(start));
        let notes = listing.gaps.iter().filter(|start| is_removed(start));
        let shorter = listing.folded.iter().filter(|range| !holding.contains(range));
        let mut paths: Vec<String> = shorter.map(|range| series.folded_path(*range)).collect();
        paths.extend(notes.map(|start| series.gap_path(*start)));
        paths.extend(records.map(|start| series.record_path(*start)));
        for some in paths.chunks(REMOVED_AT_ONCE) {
            self.remove(some).await?;
        }
        Ok(paths.len())
    }

    async fn remove(&self, paths: &[String]) -> Result<(), LakeError> {
        let locations: Vec<_> = paths.iter().map(|path| Ok(Path::from(path.as_str()))).collect();
        let removed = self.store.inner.delete_stream(stream::iter(locations).boxed());
        let removed = removed.try_for_each(|_| async { Ok(()) });
        match self.store.within("remove", paths.first().map_or("", String::as_str), removed).await {
            // Another folder was first; what is left of these is removed the next time.
            Err(LakeError::Store { source, .. }) if matches!(*source, object_store::Error::NotFound { .. }) => Ok(()),
            other => other,
        }
    }
}
