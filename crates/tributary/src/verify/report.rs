//! What was found: as a table for people, as one object for scripts.

use std::fmt::Write;

use events::LogId;
use serde::Serialize;

use super::check::Check;

/// All that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// Each table's partition of each log, by log.
    pub(super) checks: Vec<Check>,
    /// Files among the tables' that no chain speaks for, in words.
    pub(super) strangers: Vec<String>,
}

impl Found {
    /// Whether there was nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.strangers.is_empty()
    }

    /// Whether nothing is wrong.
    pub(super) fn is_sound(&self) -> bool {
        self.strangers.is_empty() && self.checks.iter().all(Check::is_sound)
    }
}

/// One JSON object: `ok`, `strangers` with files that no log of the lake speaks for, and `series` with one entry for each
/// table's partition of each log.
pub(super) fn json(found: &Found) -> String {
    let series = found.checks.iter().map(Entry::from).collect();
    let report = Report { ok: found.is_sound(), strangers: &found.strangers, series };
    let mut text = serde_json::to_string(&report).expect("a report has text keys and whole numbers");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    strangers: &'a [String],
    series: Vec<Entry<'a>>,
}

/// Positions are those behind the last record; `null` where the log is not at hand.
#[derive(Serialize)]
struct Entry<'a> {
    log_id: &'a str,
    table: &'a str,
    partition: u32,
    log_start: Option<i64>,
    log_end: Option<i64>,
    batches: u64,
    files: u64,
    rows: u64,
    skipped: u64,
    pending: Option<u64>,
    gaps: u64,
    doubles: usize,
    lost: u64,
    complete_through: i64,
    faults: &'a [String],
}

impl<'a> From<&'a Check> for Entry<'a> {
    fn from(check: &'a Check) -> Self {
        let audit = &check.audit;
        let bounds = check.log.map(|log| log.bounds);
        Self {
            log_id: audit.series.log_id.as_str(),
            table: audit.series.table.name(),
            partition: audit.series.partition,
            log_start: bounds.map(|bounds| bounds.start.0),
            log_end: bounds.map(|bounds| bounds.end.0),
            batches: audit.batches,
            files: audit.files,
            rows: audit.rows,
            skipped: audit.skipped,
            pending: check.pending(),
            gaps: check.gaps(),
            doubles: audit.doubles(),
            lost: check.lost(),
            complete_through: audit.complete_through.0,
            faults: &check.faults,
        }
    }
}

/// The most faults of one partition, and the most strangers, that are shown to people.
const SHOWN: usize = 10;

/// A table for each log; the one at hand is named `place`.
pub(super) fn table(found: &Found, at_hand: Option<&LogId>, place: &str) -> String {
    let Found { checks, strangers } = found;
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| writeln!(text, "{args}").expect("writing to memory does not fail");
    for of_log in checks.chunk_by(|a, b| a.audit.series.log_id == b.audit.series.log_id) {
        let log_id = &of_log[0].audit.series.log_id;
        let place =
            if at_hand == Some(log_id) { place } else { "not at hand: only what the lake says of itself is checked" };
        line(format_args!("log {log_id} ({place})"));
        line(format_args!(
            "  {:<9} {:>4} {:>21} {:>12} {:>8} {:>8} {:>6} {:>7} {:>6} {:>12}",
            "table", "part", "log offsets", "rows", "pending", "skipped", "gaps", "doubles", "lost", "complete to"
        ));
        for check in of_log {
            let Entry { partition, rows, skipped, gaps, doubles, lost, complete_through, .. } = Entry::from(check);
            let offsets = check.log.map_or("-".to_owned(), |log| format!("{}..{}", log.bounds.start, log.bounds.end));
            let pending = check.pending().map_or("-".to_owned(), |pending| pending.to_string());
            line(format_args!(
                "  {:<9} {partition:>4} {offsets:>21} {rows:>12} {pending:>8} {skipped:>8} {gaps:>6} {doubles:>7} \
                 {lost:>6} {complete_through:>12}",
                check.audit.series.table
            ));
            shown(&check.faults, &mut line);
        }
    }
    if !strangers.is_empty() {
        line(format_args!("files that no log of the lake speaks for"));
        shown(strangers, &mut line);
    }
    let faults = checks.iter().map(|check| check.faults.len()).sum::<usize>() + strangers.len();
    match faults {
        0 => line(format_args!("log and lake agree")),
        faults => line(format_args!("log and lake disagree: {faults} faults")),
    }
    text
}

/// Says what is wrong, a line each.
fn shown(faults: &[String], line: &mut impl FnMut(std::fmt::Arguments<'_>)) {
    for fault in faults.iter().take(SHOWN) {
        line(format_args!("    ! {fault}"));
    }
    if faults.len() > SHOWN {
        line(format_args!("    ! … and {} more; --json shows all", faults.len() - SHOWN));
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::{audit, log};
    use super::*;
    use lake::{Audit, Fault};

    fn found() -> Found {
        let strangers = vec!["`hits/x.parquet` is no file of this lake's".to_owned()];
        Found { checks: checks(), strangers }
    }

    fn checks() -> Vec<Check> {
        let many = (0..12).map(|n| Fault::MissingFile(format!("hits/{n}.parquet"))).collect();
        let mut gone = audit(12);
        gone.series.log_id = LogId::from_bits(8);
        vec![
            Check::new(audit(100), log(0, 130, 100), None),
            Check::new(Audit { faults: many, ..audit(40) }, log(20, 40, 20), None),
            Check::new(gone, None, None),
        ]
    }

    #[test]
    fn the_table_for_people() {
        let at_hand = LogId::from_bits(7);
        insta::assert_snapshot!(table(&found(), Some(&at_hand), "embedded:./data/bus"));
        let alone = |checks: &[Check]| Found { checks: checks.to_vec(), strangers: Vec::new() };
        assert!(table(&alone(&checks()[..1]), Some(&at_hand), "x").ends_with("log and lake agree\n"));
        assert!(alone(&[]).is_empty() && !alone(&checks()[..1]).is_empty());
        let said = table(&Found { checks: Vec::new(), ..found() }, None, "x");
        assert!(said.ends_with("log and lake disagree: 1 faults\n"), "{said}");
    }

    #[test]
    fn the_object_for_scripts() {
        let text = json(&found());
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["ok"], false);
        assert_eq!(text.lines().count(), 1);
        insta::assert_snapshot!(text.replace("},{", "},\n{"));
    }
}
