//! Reads a chain and its files, and says whether every record is a row exactly once.

mod batches;
mod fault;

use std::collections::HashSet;

use events::{NextOffset, Offset};
use futures::{StreamExt, TryStreamExt};

use crate::error::LakeError;
use crate::folded::Standing;
use crate::names::Series;
use crate::open::Lake;
use crate::record::OffsetRange;

pub use fault::Fault;

/// What was found of one chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// Which chain.
    pub series: Series,
    /// Batches on the chain.
    pub batches: u64,
    /// Files that stand.
    pub files: u64,
    /// Records that were read from the topic, as the batches say.
    pub records: u64,
    /// Those of them that the table could not read.
    pub skipped: u64,
    /// Rows in the files, counted.
    pub rows: u64,
    /// Offsets that had expired from the topic before their rows were written.
    pub lost: Vec<OffsetRange>,
    /// Every record before this position is a row of the table, was skipped, or is lost; the chain's end unless
    /// there are faults.
    pub complete_through: NextOffset,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl Audit {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// How many records are rows more than once.
    pub fn doubles(&self) -> usize {
        self.faults.iter().filter(|fault| matches!(fault, Fault::Double { .. })).count()
    }

    /// The offsets that were read and are no rows.
    pub fn gaps(&self) -> impl Iterator<Item = OffsetRange> {
        self.faults.iter().filter_map(|fault| if let Fault::Gap(range) = fault { Some(*range) } else { None })
    }
}

/// Takes the ids of rows as their files are read, to find those that are there twice.
pub trait Ids {
    /// Rows of a table's file from this one on, by hashes of what must stand once.
    fn take(&mut self, path: &str, first: u64, ids: &[u128]);
}

/// Batches whose files are read at once, as long as their offsets alone are.
const BATCHES_AT_ONCE: usize = 4;

impl Lake {
    /// Reads one chain from its first batch to its last, and of each file its metadata and its offsets. Takes the memory of
    /// a few batches' offsets.
    pub async fn audit(&self, series: Series) -> Result<Audit, LakeError> {
        self.audit_to(series, None).await
    }

    /// The same, and every column of every row: whether it can be read, is in its place, and is sorted. Takes the memory of
    /// a row group, and of a batch's offsets.
    pub async fn audit_deep(&self, series: Series, ids: &mut dyn Ids) -> Result<Audit, LakeError> {
        self.audit_to(series, Some(ids)).await
    }

    async fn audit_to(&self, series: Series, mut ids: Option<&mut dyn Ids>) -> Result<Audit, LakeError> {
        let mut audit = Audit {
            series,
            batches: 0,
            files: 0,
            records: 0,
            skipped: 0,
            rows: 0,
            lost: Vec::new(),
            complete_through: NextOffset::START,
            faults: Vec::new(),
        };
        let standing = self.standing(&audit.series, &mut audit.faults).await?;
        // After the records: what they name stands by now.
        let sizes = self.sizes(audit.series.table).await?;
        let series = audit.series.clone();
        let reads = standing.iter().map(|batch| self.read_batch(&series, batch, &sizes, None));
        let mut reads = futures::stream::iter(reads.collect::<Vec<_>>()).buffered(BATCHES_AT_ONCE);
        let mut position = NextOffset::START;
        for batch in &standing {
            let read = match ids.as_deref_mut() {
                None => reads.try_next().await?.expect("there is a read for each batch"),
                Some(ids) => self.read_batch(&series, batch, &sizes, Some(ids)).await?,
            };
            if batch.start != position {
                audit.faults.push(Fault::BrokenChain { expected: position, found: batch.start });
            }
            position = batch.end;
            audit.batches += 1;
            audit.files += read.files;
            audit.rows += read.offsets.len() as u64;
            audit.records += batch.records;
            audit.skipped += batch.skipped.iter().map(OffsetRange::len).sum::<u64>();
            audit.faults.extend(read.faults);
            audit_offsets(batch, read.offsets, &mut audit);
            if audit.is_sound() {
                audit.complete_through = position;
            }
        }
        // By its whole name: a copy of a batch's file in another day's folder begins where the batch does.
        let named: HashSet<&str> =
            standing.iter().flat_map(|batch| &batch.files).map(|file| file.path.as_str()).collect();
        for path in sizes.keys() {
            if audit.series.data_file_start(path).is_some() && !named.contains(path.as_str()) {
                audit.faults.push(Fault::StrayFile(path.clone()));
            }
        }
        Ok(audit)
    }
}

/// Holds a batch's rows against its range.
fn audit_offsets(record: &Standing, mut offsets: Vec<Offset>, audit: &mut Audit) {
    let (batch, range) = (record.start, OffsetRange { from: record.start, to: record.end });
    offsets.sort_unstable();
    for pair in offsets.windows(2).filter(|pair| pair[0] == pair[1]) {
        audit.faults.push(Fault::Double { offset: pair[0], batch });
    }
    offsets.dedup();
    for &offset in offsets.iter().filter(|&&offset| !range.contains(offset)) {
        audit.faults.push(Fault::Outside { offset, batch });
    }
    let skipped = record.skipped.iter().map(OffsetRange::len).sum::<u64>();
    let missing = (offsets.len() as u64 + skipped) < record.records;
    let mut absent = Vec::new();
    let mut position = record.start;
    let rows = offsets.iter().map(|&offset| OffsetRange { from: NextOffset(offset.0), to: offset.next() });
    let mut known: Vec<OffsetRange> = rows.chain(record.skipped.iter().copied()).collect();
    known.sort_unstable();
    for range in known.into_iter().chain([OffsetRange { from: record.end, to: record.end }]) {
        absent.extend((position < range.from).then_some(OffsetRange { from: position, to: range.from }));
        position = position.max(range.to);
    }
    for range in absent {
        let (lost, gap) = split(range, record.expired);
        audit.lost.extend(lost);
        // Without a missing record these are positions that never held one, such as a transaction's marker.
        audit.faults.extend(gap.into_iter().filter(|_| missing).map(Fault::Gap));
    }
}

/// The part of a range that had expired, which is always at its beginning, and the rest.
fn split(range: OffsetRange, expired: Option<OffsetRange>) -> (Option<OffsetRange>, Option<OffsetRange>) {
    let Some(expired) = expired else { return (None, Some(range)) };
    let cut = expired.to.clamp(range.from, range.to);
    let some = |from, to| (from < to).then_some(OffsetRange { from, to });
    (some(range.from, cut), some(cut, range.to))
}
