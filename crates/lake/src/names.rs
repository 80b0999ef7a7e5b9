//! Which chain a batch belongs to, and where its records lie.

use std::fmt;

use events::{LogId, NextOffset};
use tables::{Lineage, Table};

use crate::record::OffsetRange;

/// One chain of batches: a table's topic, one partition of it, one log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Series {
    /// The table.
    pub table: Table,
    /// The log.
    pub log_id: LogId,
    /// The partition.
    pub partition: u32,
}

/// The folder of the batch records.
pub(crate) const BATCHES: &str = "_batches";

/// What a name among a chain's batch records stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// The record of the batch that starts here.
    Batch(NextOffset),
    /// The offsets that this batch should have had, and the topic no longer held.
    Gap(NextOffset),
    /// What the records of the batches in this range said, in one.
    Folded(OffsetRange),
}

impl Series {
    /// The folder of its batch records.
    pub(crate) fn folder(&self) -> String {
        format!("{BATCHES}/{}/{}/{}", self.table, self.log_id, self.partition)
    }

    /// Where the record of the batch that starts here lies.
    pub(crate) fn record_path(&self, start: NextOffset) -> String {
        format!("{}/{:020}.json", self.folder(), start.0)
    }

    /// Where the note of what that batch lacks lies.
    pub(crate) fn gap_path(&self, start: NextOffset) -> String {
        format!("{}/{:020}.gap.json", self.folder(), start.0)
    }

    /// Where the record lies that stands for all batches of this range.
    pub(crate) fn folded_path(&self, range: OffsetRange) -> String {
        format!("{}/{:020}-{:020}.folded.json", self.folder(), range.from.0, range.to.0)
    }

    /// What a path in the folder stands for; `None` for what does not belong there.
    pub(crate) fn named(&self, path: &str) -> Option<Named> {
        let name = path.strip_prefix(&self.folder())?.strip_prefix('/')?;
        if let Some(range) = name.strip_suffix(".folded.json") {
            let (from, to) = range.split_once('-')?;
            return Some(Named::Folded(OffsetRange { from: start_of(from)?, to: start_of(to)? }));
        }
        let (digits, is_gap) = match name.strip_suffix(".gap.json") {
            Some(digits) => (digits, true),
            None => (name.strip_suffix(".json")?, false),
        };
        let start = start_of(digits)?;
        Some(if is_gap { Named::Gap(start) } else { Named::Batch(start) })
    }

    /// Where the rows of one date of the batch that starts here lie.
    pub(crate) fn data_file_path(&self, date: &str, start: NextOffset) -> String {
        let Self { table, log_id, partition } = self;
        format!("{table}/date={date}/{table}-{log_id}-{partition}-{:020}.parquet", start.0)
    }

    /// The date of a data file's folder.
    pub(crate) fn data_file_date<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (folder, _) = path.rsplit_once('/')?;
        folder.strip_prefix(self.table.name())?.strip_prefix("/date=")
    }

    /// The start of the batch that a data file belongs to by its name, if it is one of this chain's.
    pub(crate) fn data_file_start(&self, path: &str) -> Option<NextOffset> {
        self.data_file_date(path)?;
        let (_, name) = path.rsplit_once('/')?;
        let stem = name.strip_suffix(".parquet")?;
        start_of(stem.strip_prefix(&format!("{}-{}-{}-", self.table, self.log_id, self.partition))?)
    }

    /// Which chain, and which of its batches by the start, a table's data file belongs to by its path; `None` for what is not
    /// named as ours are.
    pub(crate) fn of_data_file(table: Table, path: &str) -> Option<(Self, NextOffset)> {
        let (_, name) = path.rsplit_once('/')?;
        let stem = name.strip_suffix(".parquet")?.strip_prefix(table.name())?.strip_prefix('-')?;
        let mut parts = stem.rsplitn(3, '-');
        let (start, partition, log_id) = (parts.next()?, parts.next()?, parts.next()?);
        let series =
            Self { table, log_id: LogId::try_from(log_id.to_owned()).ok()?, partition: partition.parse().ok()? };
        let start = start_of(start)?;
        let date = series.data_file_date(path)?;
        (series.data_file_path(date, start) == path && !date.contains('/')).then_some((series, start))
    }

    /// What a batch's files say about themselves.
    pub(crate) fn lineage(&self, start: NextOffset, end: NextOffset) -> Lineage {
        Lineage { table: self.table, log_id: self.log_id.clone(), partition: self.partition, start, end }
    }
}

/// Offsets in names have 20 digits, so that they sort as numbers do.
fn start_of(digits: &str) -> Option<NextOffset> {
    let fits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.parse().ok().map(NextOffset))?
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} of log {}", self.table, self.partition, self.log_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let series = Series { table: Table::Late, log_id: LogId::try_from("l1".to_owned()).unwrap(), partition: 3 };
        let start = NextOffset(42);
        assert_eq!(series.record_path(start), "_batches/late/l1/3/00000000000000000042.json");
        assert_eq!(series.named(&series.record_path(start)), Some(Named::Batch(start)));
        assert_eq!(series.named(&series.gap_path(start)), Some(Named::Gap(start)));
        let range = OffsetRange { from: start, to: NextOffset(99) };
        assert_eq!(
            series.folded_path(range),
            "_batches/late/l1/3/00000000000000000042-00000000000000000099.folded.json"
        );
        assert_eq!(series.named(&series.folded_path(range)), Some(Named::Folded(range)));
        for foreign in ["_batches/late/l1/3/42.json", "_batches/late/l1/3/notes.txt", "_batches/late/l1/4/x", "x"] {
            assert_eq!(series.named(foreign), None, "{foreign}");
        }
        let file = "late/date=2026-11-21/late-l1-3-00000000000000000042.parquet";
        assert_eq!(series.data_file_start(file), Some(start));
        assert_eq!(series.data_file_date(file).map(|date| series.data_file_path(date, start)).as_deref(), Some(file));
        assert_eq!(series.data_file_start("late/date=2026-11-21/late-l1-4-00000000000000000042.parquet"), None);

        assert_eq!(Series::of_data_file(Table::Late, file), Some((series, start)));
        let other = "hits/date=2026-11-21/hits-ab-0-00000000000000000001.parquet";
        let (series, start) = Series::of_data_file(Table::Hits, other).unwrap();
        assert_eq!((series.log_id.as_str(), series.partition, start), ("ab", 0, NextOffset(1)));
        for foreign in [
            file,
            "hits/part-0.parquet",
            "hits/date=2026-11-21/part-00000000000000000001.parquet",
            "hits/date=2026-11-21/hits-l1-03-00000000000000000001.parquet",
            "hits/date=2026-11-21/more/hits-l1-3-00000000000000000001.parquet",
        ] {
            assert_eq!(Series::of_data_file(Table::Hits, foreign), None, "{foreign}");
        }
    }
}
