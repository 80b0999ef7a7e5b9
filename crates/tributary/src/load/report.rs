//! What a load says when it is over: a table for people, one object for scripts.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::args::LoadArgs;
use super::millis;
use super::tally::Tally;
use super::timetable::Timetable;

/// The figures of a load, as `--json` prints them. Latencies are milliseconds from the moment that a request was due.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    /// What was asked for, in hits a second.
    target_rate: u32,
    /// Hits a second that were acknowledged.
    rate: f64,
    seconds: f64,
    /// Requests that were sent, or could not be.
    requests: u64,
    /// Hits that were acknowledged.
    acknowledged: u64,
    /// Hits that were rejected, in answers that took others.
    rejected: u64,
    /// Requests that were due and never sent: every connection was busy until the end.
    unsent: u64,
    latency_ms: Latency,
    /// Requests that failed, by kind.
    errors: BTreeMap<String, u64>,
    /// `--seed` with this sends the same hits.
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

impl Report {
    pub(super) fn new(args: &LoadArgs, seed: u64, timetable: &Timetable, tally: Tally) -> Self {
        let seconds = timetable.elapsed().as_secs_f64();
        Self {
            target_rate: args.rate,
            rate: (tally.acknowledged as f64 / seconds * 10.0).round() / 10.0,
            seconds: (seconds * 1000.0).round() / 1000.0,
            requests: tally.requests,
            acknowledged: tally.acknowledged,
            rejected: tally.rejected,
            unsent: timetable.unsent(),
            latency_ms: Latency {
                p50: millis(tally.percentile(50.0)),
                p99: millis(tally.percentile(99.0)),
                p999: millis(tally.percentile(99.9)),
                max: millis(tally.longest()),
            },
            errors: tally.errors,
            seed,
        }
    }

    /// Everything that was due was sent and taken.
    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty() && self.rejected == 0 && self.unsent == 0
    }

    /// One object, on a line.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("text keys and finite numbers are JSON") + "\n"
    }

    /// A table.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, args: std::fmt::Arguments<'_>| {
            writeln!(text, "{name:<14}{args}").expect("writing to memory does not fail");
        };
        let Latency { p50, p99, p999, max } = self.latency_ms;
        line("acknowledged", format_args!("{} hits in {} s", self.acknowledged, self.seconds));
        line("rate", format_args!("{} hits/s of {} asked for", self.rate, self.target_rate));
        line("latency", format_args!("p50 {p50} ms, p99 {p99} ms, p99.9 {p999} ms, longest {max} ms"));
        if self.rejected > 0 {
            line("rejected", format_args!("{} hits", self.rejected));
        }
        for (kind, count) in &self.errors {
            line("failed", format_args!("{count} requests of {}: {kind}", self.requests));
        }
        if self.unsent > 0 {
            line("unsent", format_args!("{} requests: every connection was still waiting for an answer", self.unsent));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            target_rate: 2000,
            rate: 1900.5,
            seconds: 10.002,
            requests: 20_000,
            acknowledged: 19_009,
            rejected: 1,
            unsent: 7,
            latency_ms: Latency { p50: 1.25, p99: 6.5, p999: 20.031, max: 51.2 },
            errors: BTreeMap::from([("status 503".to_owned(), 980), ("timeout".to_owned(), 10)]),
            seed: 42,
        }
    }

    #[test]
    fn people_get_a_table_and_scripts_an_object() {
        insta::assert_snapshot!(report().text());
        insta::assert_snapshot!(report().json());
    }

    #[test]
    fn only_what_was_all_sent_and_taken_is_clean() {
        let clean = Report { errors: BTreeMap::new(), rejected: 0, unsent: 0, ..report() };
        assert!(clean.is_clean() && !report().is_clean());
        assert!(!Report { unsent: 1, ..clean.clone() }.is_clean() && !Report { rejected: 1, ..clean }.is_clean());
    }
}
