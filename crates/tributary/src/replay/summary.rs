//! What a replay says when it is done: a table for people, one object for scripts.

use std::fmt::Write;
use std::time::Duration;

use events::Span;
use serde::Serialize;

use super::publish::Read;

/// The figures of a replay, as `--json` prints them. `read` = `accepted` + `rejected`; `duplicates`, `late` and `outside`
/// are among the accepted.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// Lines that were read; those of nothing but white space are not counted.
    pub read: u64,
    /// Lines that became hits.
    pub accepted: u64,
    /// Lines that could not be read, or broke a rule.
    pub rejected: u64,
    /// Hits that were there already, under the same site, visitor and id.
    pub duplicates: u64,
    /// Hits that came after their session was final.
    pub late: u64,
    /// Hits of other days than those asked for, read so that sessions are whole, and not written; left out where there are
    /// none.
    #[serde(skip_serializing_if = "is_zero")]
    pub outside: u64,
    /// Sessions.
    pub sessions: u64,
    /// Records that no table could read, so that they are no rows; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

/// How the pipeline behind the input did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Hits that were there already.
    pub duplicates: u64,
    /// Hits that were late.
    pub late: u64,
    /// Hits of other days than those asked for.
    pub outside: u64,
    /// Sessions.
    pub sessions: u64,
    /// Records that no table could read.
    pub skipped: u64,
    /// Files that were written into the lake; none where all of them stood there already.
    pub new_files: u64,
}

impl Summary {
    /// The figures of a run.
    pub fn new(read: &Read, outcome: &Outcome, took: Duration) -> Self {
        Self {
            read: read.lines(),
            accepted: read.accepted,
            rejected: read.rejected,
            duplicates: outcome.duplicates,
            late: outcome.late,
            outside: outcome.outside,
            sessions: outcome.sessions,
            skipped: outcome.skipped,
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }
}

/// The summary for people: figures, the first rejections, why hits were late, and where it all is.
pub fn tell(summary: &Summary, read: &Read, outcome: &Outcome, lateness: Span, lake: &str) -> String {
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| writeln!(text, "{args}").expect("writing to memory does not fail");
    let rate = (summary.read as f64 / summary.seconds.max(0.001)) as u64;
    line(format_args!(
        "read        {:>12}  in {} s, {} lines/s",
        grouped(summary.read),
        summary.seconds,
        grouped(rate)
    ));
    line(format_args!("accepted    {:>12}", grouped(summary.accepted)));
    line(format_args!("rejected    {:>12}", grouped(summary.rejected)));
    for rejection in &read.shown {
        if let Ok(rejection) = serde_json::from_slice::<events::Rejection<'_>>(rejection) {
            line(format_args!("    {}: {}", rejection.origin, rejection.detail));
        }
    }
    // What was skipped may be a rejection.
    if summary.rejected > read.shown.len() as u64 && summary.skipped == 0 {
        line(format_args!("    … all of them are in the lake's table `rejected`"));
    }
    if summary.accepted == 0 && summary.rejected > 0 {
        line(format_args!("    not one line could be read: is --format right?"));
    }
    line(format_args!("duplicates  {:>12}", grouped(summary.duplicates)));
    line(format_args!("late        {:>12}", grouped(summary.late)));
    if summary.late * 100 > summary.accepted {
        line(format_args!("    {}", why_late(summary, read, lateness)));
    }
    if summary.outside > 0 {
        let why = "of days beside --from and --to: read so that sessions are whole, not written";
        line(format_args!("outside     {:>12}  {why}", grouped(summary.outside)));
    }
    line(format_args!("sessions    {:>12}", grouped(summary.sessions)));
    if summary.skipped > 0 {
        let why = "records that no table can read: no rows of the lake, their offsets stand in its `_batches`";
        line(format_args!("skipped     {:>12}  {why}", grouped(summary.skipped)));
    }
    match outcome.new_files {
        0 if summary.read > 0 => line(format_args!("nothing new: {lake} holds this input already, whole")),
        files => line(format_args!("{} new files in {lake}", grouped(files))),
    }
    text
}

/// The longest lateness that is worth a try.
const MOST_LATENESS: Span = Span::from_hours(7 * 24);

/// More than one hit in a hundred was late: what the input says about the cause.
fn why_late(summary: &Summary, read: &Read, lateness: Span) -> String {
    let share = summary.late as f64 * 100.0 / summary.accepted as f64;
    if read.far_behind == 0 {
        return format!(
            "{share:.1} % of the hits: not for their order, no line is more than --lateness ({lateness}) behind an \
             earlier one. Too much was open at once: raise --max-open-sessions"
        );
    }
    let (far_behind, farthest) = (grouped(read.far_behind), whole_minutes(read.farthest));
    let way_out = match read.farthest <= MOST_LATENESS {
        true => format!("; a lateness of {farthest} would take these"),
        // Sessions would stay open for as long as that: rather is a line's time wrong, or a file in the wrong place.
        false => ", and a time that is far ahead lets all lines behind it come too late".to_owned(),
    };
    format!(
        "{share:.1} % of the hits: {far_behind} lines are more than --lateness ({lateness}) behind an earlier one, the \
         farthest by {farthest}. Are the files out of order, or is one missing that overlaps them? All files in one \
         command are merged by time{way_out}"
    )
}

/// A span rounded up to minutes where it is longer than one.
fn whole_minutes(span: Span) -> Span {
    const MINUTE: i64 = 60_000;
    if span.as_millis() < MINUTE { span } else { Span::from_mins((span.as_millis() + MINUTE - 1) / MINUTE) }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = (digits.len() + 2) % 3 + 1;
    let (head, tail) = digits.split_at(first);
    tail.as_bytes().chunks(3).fold(head.to_owned(), |mut text, group| {
        text.push(',');
        text.extend(group.iter().map(|&digit| digit as char));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use events::{Reason, Rejection, Timestamp};

    fn told(read: &Read, outcome: &Outcome) -> String {
        let summary = Summary::new(read, outcome, Duration::from_millis(1250));
        let json = serde_json::to_string(&summary).unwrap();
        format!("{}\n{json}", tell(&summary, read, outcome, Span::from_mins(10), "./lake"))
    }

    fn rejection(line: u32) -> Bytes {
        let origin = format!("access.log:{line}");
        let rejection =
            Rejection::new(Reason::UnreadableLine, "it has no fields", origin, Timestamp::default(), b"garbage");
        rejection.to_json().into()
    }

    #[test]
    fn a_run_without_trouble() {
        let read = Read { accepted: 1_234_567, farthest: Span::from_secs(59), ..Read::default() };
        insta::assert_snapshot!(told(&read, &Outcome { sessions: 3223, new_files: 12, ..Outcome::default() }));
    }

    #[test]
    fn rejections_are_shown_and_the_rest_is_pointed_at() {
        let shown: Vec<_> = (1..=2).map(rejection).collect();
        let read = Read { accepted: 10, rejected: 7, shown, ..Read::default() };
        insta::assert_snapshot!(told(&read, &Outcome { new_files: 3, ..Outcome::default() }));
    }

    #[test]
    fn a_wrong_format_is_suspected_where_nothing_could_be_read() {
        let read = Read { rejected: 7, ..Read::default() };
        assert!(told(&read, &Outcome::default()).contains("is --format right?"));
        let read = Read { accepted: 1, rejected: 7, ..Read::default() };
        assert!(!told(&read, &Outcome::default()).contains("is --format right?"));
    }

    #[test]
    fn many_late_hits_are_explained() {
        let farthest = Span::from_millis(10_801_000);
        let read = Read { accepted: 1000, far_behind: 48, farthest, ..Read::default() };
        insta::assert_snapshot!(told(&read, &Outcome { late: 40, new_files: 3, ..Outcome::default() }));
        let read = Read { accepted: 1000, ..Read::default() };
        insta::assert_snapshot!(told(&read, &Outcome { late: 40, new_files: 3, ..Outcome::default() }));
    }

    #[test]
    fn no_lateness_of_years_is_advised() {
        let read = Read { accepted: 1000, far_behind: 48, farthest: Span::from_hours(24 * 365), ..Read::default() };
        let told = told(&read, &Outcome { late: 40, new_files: 3, ..Outcome::default() });
        assert!(!told.contains("would take these") && told.contains("a time that is far ahead"), "{told}");
    }

    #[test]
    fn what_is_no_row_is_not_said_to_be_one() {
        let read = Read { accepted: 10, rejected: 7, shown: vec![rejection(1)], ..Read::default() };
        insta::assert_snapshot!(told(&read, &Outcome { skipped: 1, new_files: 3, ..Outcome::default() }));
    }

    #[test]
    fn days_that_were_read_and_not_written_are_told() {
        let read = Read { accepted: 3210, ..Read::default() };
        insta::assert_snapshot!(told(
            &read,
            &Outcome { outside: 1210, sessions: 7, new_files: 3, ..Outcome::default() }
        ));
    }

    #[test]
    fn a_second_run_says_that_it_added_nothing() {
        insta::assert_snapshot!(told(&Read { accepted: 5, ..Read::default() }, &Outcome::default()));
    }

    #[test]
    fn thousands_are_set_apart() {
        let cases =
            [(0, "0"), (12, "12"), (123, "123"), (1234, "1,234"), (123_456, "123,456"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }
}
