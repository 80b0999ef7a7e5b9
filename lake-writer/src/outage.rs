//! A store that is away: when to try it again. Pure.

use std::time::{Duration, Instant};

/// The first wait, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));

/// Whether the store is away, and how long it is left alone. One for all partitions: while it is away a single call
/// tries it, so that sixteen partitions do not wait for sixteen timeouts in turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outage(Option<Away>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Away {
    until: Instant,
    wait: Duration,
}

impl Outage {
    /// A call failed. Gives the wait until the next one; `None` where that was known before, since several calls
    /// can fail of one cause.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Duration> {
        if !self.allows(now) {
            return None;
        }
        let wait = self.0.map_or(WAITS.0, |away| (away.wait * 2).min(WAITS.1));
        self.0 = Some(Away { until: now + wait, wait });
        Some(wait)
    }

    /// A call worked. Gives whether that ends an outage.
    pub(crate) fn worked(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Whether the store is away.
    pub(crate) fn is_away(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the store may be called now.
    pub(crate) fn allows(&self, now: Instant) -> bool {
        self.0.is_none_or(|away| away.until <= now)
    }

    /// When it may be called again, if it is away.
    pub(crate) fn over_at(&self) -> Option<Instant> {
        self.0.map(|away| away.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_bound_and_a_success_ends_it() {
        let (mut outage, mut now) = (Outage::default(), Instant::now());
        assert!(outage.allows(now) && !outage.worked());
        let waits = (0..9).map(|_| {
            let wait = outage.failed(now).unwrap();
            assert_eq!(outage.failed(now), None, "another call failed of the same cause");
            now += wait;
            wait.as_millis()
        });
        let waits: Vec<_> = waits.collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
        assert!(outage.is_away() && outage.worked() && !outage.is_away());
    }
}
