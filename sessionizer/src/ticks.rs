//! When a partition needs a tick: pure rules over times that are handed in.

use events::{Span, Timestamp};

/// How long no tick is written after the bus was away: hits that waited for it come first.
const AFTER_OUTAGE: Span = Span::from_mins(1);

/// How long a `draining` record holds.
const DRAINING_HOLDS: Span = Span::from_secs(30);

/// Decides when one partition gets a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    idle_interval: Span,
    /// No tick before this moment.
    not_before: Timestamp,
    /// Whether the partition has been read to its end.
    at_end: bool,
}

impl Ticks {
    /// `at_end`: whether nothing stands behind the position that reading starts at. A partition that was read to
    /// its end before a restart must be ticked though no record comes.
    pub(crate) fn new(idle_interval: Span, now: Timestamp, at_end: bool) -> Self {
        Self { idle_interval, not_before: now + idle_interval, at_end }
    }

    /// Records were read; whether one of them was a hit. There may be more behind them.
    pub(crate) fn read(&mut self, now: Timestamp, had_hit: bool) {
        self.at_end = false;
        if had_hit {
            self.hold(now + self.idle_interval);
        }
    }

    /// Everything was read.
    pub(crate) fn at_end(&mut self) {
        self.at_end = true;
    }

    /// A collector empties its spool.
    pub(crate) fn draining(&mut self, now: Timestamp) {
        self.hold(now + DRAINING_HOLDS);
    }

    /// The bus was away until now.
    pub(crate) fn outage(&mut self, now: Timestamp) {
        self.hold(now + AFTER_OUTAGE);
    }

    /// Whether a tick is due; asking for it starts the next interval.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> bool {
        // Nothing holds for longer than this. What lies further ahead was noted before the clock was set back.
        self.not_before = self.not_before.min(now + self.idle_interval.max(AFTER_OUTAGE));
        let is_due = self.at_end && now >= self.not_before;
        if is_due {
            self.hold(now + self.idle_interval);
        }
        is_due
    }

    fn hold(&mut self, until: Timestamp) {
        self.not_before = self.not_before.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn ticks() -> Ticks {
        Ticks::new(Span::from_secs(10), at(0), false)
    }

    #[test]
    fn an_idle_partition_gets_one_each_interval() {
        let mut ticks = ticks();
        ticks.read(at(0), true);
        ticks.at_end();
        let due: Vec<_> = (0..35).filter(|&second| ticks.take_due(at(second))).collect();
        assert_eq!(due, [10, 20, 30]);
    }

    #[test]
    fn a_hit_starts_the_interval_anew_and_a_backlog_gets_none() {
        let mut ticks = ticks();
        ticks.read(at(9), true);
        ticks.at_end();
        assert!(!ticks.take_due(at(18)));
        ticks.read(at(18), false);
        assert!(!ticks.take_due(at(60)), "there is more to read");
        ticks.read(at(61), false);
        ticks.at_end();
        assert!(ticks.take_due(at(61)));
    }

    #[test]
    fn a_partition_that_begins_at_its_end_is_ticked_without_a_record() {
        let mut ticks = Ticks::new(Span::from_secs(10), at(0), true);
        assert!(!ticks.take_due(at(9)) && ticks.take_due(at(10)));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_ticks_by_a_minute_at_most() {
        let mut ticks = ticks();
        ticks.read(at(100_000), true);
        ticks.at_end();
        assert!(!ticks.take_due(at(50)));
        assert!(!ticks.take_due(at(109)) && ticks.take_due(at(110)));
    }

    #[test]
    fn none_while_a_collector_drains_nor_in_the_minute_after_an_outage() {
        let mut draining = ticks();
        draining.read(at(0), false);
        draining.at_end();
        draining.draining(at(5));
        assert!(!draining.take_due(at(34)) && draining.take_due(at(35)));
        let mut outage = ticks();
        outage.read(at(0), false);
        outage.at_end();
        outage.outage(at(5));
        assert!(!outage.take_due(at(64)) && outage.take_due(at(65)));
    }
}
