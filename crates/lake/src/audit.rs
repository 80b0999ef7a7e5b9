//! Reads a chain and its files, and says whether every record is a row exactly once.

use std::fmt;

use events::{NextOffset, Offset};
use tables::FileFacts;

use crate::error::LakeError;
use crate::names::{Named, Series};
use crate::open::Lake;
use crate::record::{BatchRecord, GapRecord, OffsetRange};

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

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A batch does not start where the one before ended.
    BrokenChain {
        /// Where the one before ended.
        expected: NextOffset,
        /// Where the next one starts.
        found: NextOffset,
    },
    /// A batch's file is not there.
    MissingFile(String),
    /// A batch's file cannot be read, or is another batch's.
    BadFile {
        /// Where it lies.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file of this chain that no batch names: readers see its rows besides the others.
    StrayFile(String),
    /// A record is a row more than once.
    Double {
        /// The record.
        offset: Offset,
        /// The batch, by its start.
        batch: NextOffset,
    },
    /// A row that lies outside its batch.
    Outside {
        /// The record.
        offset: Offset,
        /// The batch, by its start.
        batch: NextOffset,
    },
    /// Records that are no rows although they were read. Positions that never held a record may be among them.
    Gap(OffsetRange),
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

impl Lake {
    /// Reads one chain from its first batch to its last, and every file. Takes the memory of one batch's files.
    pub async fn audit(&self, series: Series) -> Result<Audit, LakeError> {
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
        let mut starts = Vec::new();
        for path in self.store.list(&audit.series.folder()).await? {
            match audit.series.named(&path) {
                Some(Named::Batch(start)) => starts.push(start),
                Some(Named::Gap(_)) => {}
                None => return Err(LakeError::Foreign { path }),
            }
        }
        let mut position = NextOffset::START;
        for start in &starts {
            let path = audit.series.record_path(*start);
            let record = BatchRecord::read(&audit.series, &path, &self.store.get(&path).await?)?;
            if record.start != position {
                audit.faults.push(Fault::BrokenChain { expected: position, found: record.start });
            }
            self.audit_batch(&record, &mut audit).await?;
            position = record.end;
            if audit.is_sound() {
                audit.complete_through = position;
            }
        }
        for path in self.store.list(audit.series.table.name()).await? {
            let start = audit.series.data_file_start(&path);
            if start.is_some_and(|start| starts.binary_search(&start).is_err()) {
                audit.faults.push(Fault::StrayFile(path));
            }
        }
        Ok(audit)
    }

    async fn audit_batch(&self, record: &BatchRecord, audit: &mut Audit) -> Result<(), LakeError> {
        let lineage = audit.series.lineage(record.start, record.end);
        let mut offsets = Vec::new();
        for file in &record.files {
            let Some(bytes) = self.store.find(&file.path).await? else {
                audit.faults.push(Fault::MissingFile(file.path.clone()));
                continue;
            };
            let bad = |why: String| Fault::BadFile { path: file.path.clone(), why };
            match FileFacts::read(bytes) {
                Ok(facts) if facts.lineage == lineage => offsets.extend(facts.offsets),
                Ok(facts) => audit.faults.push(bad(format!("it was made of {:?}", facts.lineage))),
                Err(error) => audit.faults.push(bad(error.to_string())),
            }
            audit.files += 1;
        }
        audit.batches += 1;
        audit.rows += offsets.len() as u64;
        audit.records += record.records;
        audit.skipped += record.skipped.iter().map(OffsetRange::len).sum::<u64>();

        let gap_path = audit.series.gap_path(record.start);
        let gap = self.store.find(&gap_path).await?;
        let expired = gap.map(|json| GapRecord::read(&gap_path, &json)).transpose()?.map(|gap| gap.expired);
        audit_offsets(record, offsets, expired, audit);
        Ok(())
    }
}

/// Holds a batch's rows against its range.
fn audit_offsets(record: &BatchRecord, mut offsets: Vec<Offset>, expired: Option<OffsetRange>, audit: &mut Audit) {
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
        let (lost, gap) = split(range, expired);
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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenChain { expected, found } => {
                write!(f, "a batch should start at offset {expected}, and the next one starts at {found}")
            }
            Self::MissingFile(path) => write!(f, "`{path}` is missing"),
            Self::BadFile { path, why } => write!(f, "`{path}`: {why}"),
            Self::StrayFile(path) => write!(f, "`{path}` belongs to no batch"),
            Self::Double { offset, batch } => write!(f, "offset {offset} stands twice in the batch from {batch}"),
            Self::Outside { offset, batch } => write!(f, "offset {offset} is none of the batch from {batch}"),
            Self::Gap(range) => write!(f, "no rows for offsets {} to {}", range.from, range.to.0 - 1),
        }
    }
}
