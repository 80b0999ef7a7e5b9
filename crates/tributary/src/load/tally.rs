//! What became of requests: latencies, and failures by kind.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies over this count as this.
const LONGEST: Duration = Duration::from_secs(3600);

/// What became of some requests.
#[derive(Debug)]
pub(super) struct Tally {
    /// Microseconds from the moment that a request was due to its answer, whatever that said.
    latencies: Histogram<u64>,
    /// Requests that were sent, or could not be.
    pub(super) requests: u64,
    /// Hits that were acknowledged.
    pub(super) acknowledged: u64,
    /// Hits that were rejected, in answers that took others.
    pub(super) rejected: u64,
    /// Requests that failed, by kind.
    pub(super) errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, 3);
        Self {
            latencies: latencies.expect("from a microsecond to an hour, three digits, is a histogram"),
            requests: 0,
            acknowledged: 0,
            rejected: 0,
            errors: BTreeMap::new(),
        }
    }

    pub(super) fn answered(&mut self, latency: Duration) {
        self.latencies.saturating_record((latency.as_micros() as u64).max(1));
    }

    pub(super) fn failed(&mut self, kind: &str) {
        match self.errors.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(self.errors.insert(kind.to_owned(), 1)),
        }
    }

    /// Adds another tally to this one.
    pub(super) fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies).expect("both have the same bounds");
        self.requests += other.requests;
        self.acknowledged += other.acknowledged;
        self.rejected += other.rejected;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
    }

    /// The latency that so many of a hundred answers do not exceed; zero where nothing was answered.
    pub(super) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.latencies.value_at_percentile(percent))
    }

    /// The longest latency.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_micros(self.latencies.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_connections_add_up() {
        let mut sum = Tally::new();
        for connection in 0..10 {
            let mut tally = Tally::new();
            for request in 0..100 {
                tally.answered(Duration::from_millis(connection * 100 + request));
            }
            tally.failed("status 503");
            sum.add(&tally);
        }
        assert_eq!(sum.errors, BTreeMap::from([("status 503".to_owned(), 10)]));
        let ms = |percent| sum.percentile(percent).as_millis();
        assert!((498..=500).contains(&ms(50.0)) && (988..=990).contains(&ms(99.0)), "{} {}", ms(50.0), ms(99.0));
        assert!((998..=1000).contains(&sum.longest().as_millis()));
    }
}
