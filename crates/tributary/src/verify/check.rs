//! What one table's partition comes to: how many, what is missing, what is there twice. Pure.

use bus::Bounds;
use events::NextOffset;
use lake::{Audit, Fault, Mark, OffsetRange};

/// What the log says about one topic's partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LogSide {
    /// What can be read.
    pub(super) bounds: Bounds,
    /// Records that can be read below the position through which the table is complete.
    pub(super) records: u64,
    /// Records behind it. There may be fewer than offsets: on Kafka the ends of transactions take some.
    pub(super) pending: u64,
    /// Whether all of them were read that there ever were: none has expired.
    pub(super) is_whole: bool,
}

/// The last batch of a chain, where its record stands and not all of its files do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unfinished {
    /// Its offsets.
    pub(super) range: OffsetRange,
    /// Its files.
    pub(super) files: Vec<String>,
}

impl Unfinished {
    fn explains(&self, fault: &Fault) -> bool {
        match fault {
            Fault::MissingFile(path) => self.files.contains(path),
            Fault::Gap(range) => self.range.from <= range.from && range.to <= self.range.to,
            _ => false,
        }
    }
}

/// Of two audits of a chain that may be written meanwhile: what both found, and the batch that was on its way. One that the second
/// audit alone lacks was begun in between: it is known, and not complete.
pub(super) fn settled(first: &Audit, mut second: Audit, unfinished: Option<Unfinished>) -> (Audit, Option<Unfinished>) {
    let found = second.faults.len();
    second.faults.retain(|fault| first.faults.contains(fault));
    let at = second.complete_through;
    let begun = || Unfinished { range: OffsetRange { from: at, to: at }, files: Vec::new() };
    let unfinished = unfinished.or_else(|| (second.faults.len() < found).then(begun));
    (second, unfinished)
}

/// One table's partition of one log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Check {
    /// What the lake holds.
    pub(super) audit: Audit,
    /// What the log holds; `None` for a log that is not at hand.
    pub(super) log: Option<LogSide>,
    /// Everything that must not be, in words.
    pub(super) faults: Vec<String>,
}

impl Check {
    /// Holds the two against each other. With the log at hand, what the last batch lacks is pending: the lake-writer
    /// writes it now, or when it starts again.
    pub(super) fn new(mut audit: Audit, log: Option<LogSide>, last: Option<&Unfinished>) -> Self {
        if let Some(last) = last.filter(|_| log.is_some()) {
            audit.faults.retain(|fault| !last.explains(fault));
        }
        let mut faults: Vec<String> = audit.faults.iter().map(ToString::to_string).collect();
        let lost = audit
            .lost
            .iter()
            .map(|range| format!("offsets {} to {} had expired before they were written", range.from, range.to.0 - 1));
        faults.extend(lost);
        if let Some(log) = &log {
            faults.extend(disagreements(&audit, log));
            // A batch without all of its files is known, and does not count as complete.
            if last.is_none() {
                faults.extend(surplus(&audit, log));
            }
        }
        Self { audit, log, faults }
    }

    /// Holds what `_complete.json` says of it against it.
    pub(super) fn holding(mut self, claim: Option<Mark>) -> Self {
        let (table, through) = (self.audit.series.table, self.audit.complete_through);
        if let Some(Mark { offset, .. }) = claim.filter(|claim| claim.offset > through) {
            self.faults
                .push(format!("`{table}/_complete.json` says complete to offset {offset}, and it is to {through}"));
        }
        self
    }

    /// Whether nothing is wrong.
    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Records of the log that are not in the lake yet.
    pub(super) fn pending(&self) -> Option<u64> {
        Some(self.log?.pending)
    }

    /// Offsets that were read and are no rows.
    pub(super) fn gaps(&self) -> u64 {
        self.audit.gaps().map(|range| range.len()).sum()
    }

    /// Offsets that had expired before their rows were written.
    pub(super) fn lost(&self) -> u64 {
        self.audit.lost.iter().map(OffsetRange::len).sum()
    }
}

fn disagreements(audit: &Audit, log: &LogSide) -> Vec<String> {
    let mut faults = Vec::new();
    let (through, Bounds { start, end }) = (audit.complete_through, log.bounds);
    if through > end {
        faults.push(format!(
            "the lake goes to offset {through}, and the log ends at {end}: it is another one under the old id"
        ));
    }
    if through < start && start > NextOffset::START {
        faults.push(format!("offsets {through} to {} expired from the log before they were written", start.0 - 1));
    }
    // Every record below the position is a row, was skipped, or is lost. Some may have expired from the log since, so
    // that it may hold fewer; it never holds more.
    let known = known(audit);
    if audit.is_sound() && log.records > known {
        faults.push(format!(
            "the log holds {} records below offset {through}, and the lake knows of {known}",
            log.records
        ));
    }
    faults
}

/// Records that the lake knows of.
fn known(audit: &Audit) -> u64 {
    audit.records + audit.lost.iter().map(OffsetRange::len).sum::<u64>()
}

/// A log from which nothing has expired holds as many records as the lake knows of. One that knows of more has rows of a
/// transaction that was aborted.
fn surplus(audit: &Audit, log: &LogSide) -> Option<String> {
    let (through, known) = (audit.complete_through, known(audit));
    let is_more = audit.is_sound() && log.is_whole && through <= log.bounds.end && log.records < known;
    is_more.then(|| {
        format!(
            "the lake knows of {known} records below offset {through}, and the log, from which none has expired, holds {}",
            log.records
        )
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use events::{LogId, Offset};
    use lake::Series;
    use tables::Table;

    fn range(from: i64, to: i64) -> OffsetRange {
        OffsetRange { from: NextOffset(from), to: NextOffset(to) }
    }

    /// A chain whose rows are complete through an offset.
    pub(in crate::verify) fn audit(through: i64) -> Audit {
        Audit {
            series: Series { table: Table::Hits, log_id: LogId::from_bits(7), partition: 1 },
            batches: 2,
            files: 3,
            records: through as u64,
            skipped: 0,
            rows: through as u64,
            lost: Vec::new(),
            complete_through: NextOffset(through),
            faults: Vec::new(),
        }
    }

    pub(in crate::verify) fn log(start: i64, end: i64, records: u64) -> Option<LogSide> {
        let bounds = Bounds { start: NextOffset(start), end: NextOffset(end) };
        Some(LogSide { bounds, records, pending: (end - start) as u64 - records, is_whole: start == 0 })
    }

    #[test]
    fn rows_that_wait_for_their_file_are_pending() {
        let check = Check::new(audit(100), log(0, 130, 100), None);
        assert!(check.is_sound());
        assert_eq!(check.pending(), Some(30));
        assert_eq!(Check::new(audit(100), None, None).pending(), None);
    }

    #[test]
    fn a_log_whose_first_records_have_expired_since_still_agrees() {
        assert!(Check::new(audit(100), log(60, 130, 40), None).is_sound());
    }

    #[test]
    fn positions_without_a_record_are_no_gap() {
        let with_markers = Audit { records: 90, rows: 90, ..audit(100) };
        assert!(Check::new(with_markers, log(0, 100, 90), None).is_sound());
    }

    #[test]
    fn a_batch_that_is_being_written_is_pending_and_any_other_file_is_missed() {
        let missing = |path: &str| Audit { faults: vec![Fault::MissingFile(path.to_owned())], ..audit(100) };
        let last = Unfinished { range: range(90, 100), files: vec!["last".to_owned()] };
        assert!(Check::new(missing("last"), log(0, 130, 100), Some(&last)).is_sound());
        assert!(!Check::new(missing("first"), log(0, 130, 100), Some(&last)).is_sound());
        assert!(!Check::new(missing("last"), None, Some(&last)).is_sound());
        let gap = |from, to| Audit { faults: vec![Fault::Gap(range(from, to))], ..audit(100) };
        assert!(Check::new(gap(95, 100), log(0, 130, 100), Some(&last)).is_sound());
        assert!(!Check::new(gap(85, 95), log(0, 130, 100), Some(&last)).is_sound());
    }

    #[test]
    fn batches_that_came_while_a_chain_was_read_are_no_fault_of_it() {
        let faults = |paths: &[&str]| paths.iter().map(|&path| Fault::MissingFile(path.to_owned())).collect();
        let lacks = |paths: &[&str]| Audit { faults: faults(paths), ..audit(100) };
        let sound = |first: &Audit, second: Audit, unfinished: Option<Unfinished>| {
            let (audit, unfinished) = settled(first, second, unfinished);
            Check::new(audit, log(0, 130, 100), unfinished.as_ref()).is_sound()
        };
        let on_its_way = Unfinished { range: range(100, 110), files: vec!["n".to_owned()] };
        // It stood before the second audit began, and was done before that was over.
        assert!(sound(&lacks(&["n"]), lacks(&["n"]), Some(on_its_way)));
        assert!(!sound(&lacks(&["n"]), lacks(&["n"]), None), "it is missing for good");
        // The first one's was done, and the next was begun: its records are known and its rows do not count yet.
        let begun = Audit { records: 110, ..lacks(&["n + 1"]) };
        assert!(sound(&lacks(&["n"]), begun.clone(), None));
        assert!(!sound(&begun.clone(), begun, None), "it is missing for good");
    }

    #[test]
    fn a_batch_that_is_being_written_is_known_and_no_surplus() {
        let known = || Audit { records: 110, rows: 110, ..audit(100) };
        let last = Unfinished { range: range(100, 110), files: vec!["last".to_owned()] };
        assert!(Check::new(known(), log(0, 130, 100), Some(&last)).is_sound());
        assert!(!Check::new(known(), log(0, 130, 100), None).is_sound());
    }

    #[test]
    fn a_table_that_is_not_as_complete_as_it_says_is_named() {
        let claim = |offset| Some(Mark { offset: NextOffset(offset), complete_through: None });
        let check = || Check::new(audit(100), None, None);
        assert!(check().holding(None).is_sound() && check().holding(claim(100)).is_sound());
        let said = check().holding(claim(101)).faults.join("");
        assert!(said.contains("`hits/_complete.json` says complete to offset 101"), "{said}");
    }

    #[test]
    fn every_disagreement_is_said() {
        let checks = [
            Check::new(audit(100), log(0, 50, 50), None),
            Check::new(audit(100), log(120, 150, 0), None),
            Check::new(audit(0), log(20, 50, 0), None),
            Check::new(Audit { records: 98, rows: 98, ..audit(100) }, log(0, 100, 100), None),
            Check::new(Audit { records: 101, rows: 101, ..audit(100) }, log(0, 100, 100), None),
            Check::new(Audit { lost: vec![range(10, 20)], records: 90, rows: 90, ..audit(100) }, log(5, 100, 85), None),
            Check::new(
                Audit {
                    faults: vec![
                        Fault::Gap(range(3, 5)),
                        Fault::Double { offset: Offset(9), batch: NextOffset(0) },
                        Fault::StrayFile("hits/x.parquet".to_owned()),
                    ],
                    ..audit(100)
                },
                log(0, 100, 100),
                None,
            ),
        ];
        let said: Vec<_> = checks.iter().map(|check| check.faults.join("\n")).collect();
        insta::assert_snapshot!(said.join("\n--\n"));
    }
}
