//! What lies in a chain's folder: batch records, notes of gaps, folded records.

use events::{NextOffset, Timestamp};
use futures::TryStreamExt;
use object_store::path::Path;

use crate::error::LakeError;
use crate::names::{Named, Series};
use crate::record::OffsetRange;
use crate::store::Store;

/// A chain's folder, as it was listed. Each of the lists is in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Listing {
    /// Batch records, by their start, and when each was put.
    pub(crate) batches: Vec<(NextOffset, Timestamp)>,
    /// Notes of gaps, by the batch's start.
    pub(crate) gaps: Vec<NextOffset>,
    /// Folded records, by what they stand for: by start, the longest first.
    pub(crate) folded: Vec<OffsetRange>,
}

impl Listing {
    pub(crate) async fn read(store: &Store, series: &Series) -> Result<Self, LakeError> {
        let (folder, mut listing) = (series.folder(), Self::default());
        let at = Path::from(folder.as_str());
        let mut objects = store.inner.list(Some(&at));
        while let Some(object) = store.within("list", &folder, objects.try_next()).await? {
            let path = object.location.to_string();
            match series.named(&path) {
                Some(Named::Batch(start)) => {
                    let put = Timestamp::from_millis(object.last_modified.timestamp_millis());
                    listing.batches.push((start, put));
                }
                Some(Named::Gap(start)) => listing.gaps.push(start),
                Some(Named::Folded(range)) => listing.folded.push(range),
                None => return Err(LakeError::Foreign { path }),
            }
        }
        listing.batches.sort_unstable();
        listing.gaps.sort_unstable();
        listing.folded.sort_unstable_by_key(|range| (range.from, std::cmp::Reverse(range.to)));
        Ok(listing)
    }

    /// The folded records that hold: those that no longer one stands for as well. One was left where whoever replaced it
    /// has not come to remove it, or where two folded at once.
    pub(crate) fn holding(&self) -> Vec<OffsetRange> {
        let mut holding: Vec<OffsetRange> = Vec::new();
        for &range in &self.folded {
            if holding.last().is_none_or(|last| range.to > last.to) {
                holding.push(range);
            }
        }
        holding
    }

    /// Where the last folded batch ends; the start where none is folded.
    pub(crate) fn folded_to(&self) -> NextOffset {
        self.folded.iter().map(|range| range.to).max().unwrap_or(NextOffset::START)
    }

    /// Batch records that are not folded, by their start, and when each was put.
    pub(crate) fn single(&self) -> &[(NextOffset, Timestamp)] {
        let folded_to = self.folded_to();
        &self.batches[self.batches.partition_point(|&(start, _)| start < folded_to)..]
    }

    /// Whether there is a note of what this batch lacks.
    pub(crate) fn has_gap(&self, start: NextOffset) -> bool {
        self.gaps.binary_search(&start).is_ok()
    }
}
