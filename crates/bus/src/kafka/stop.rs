//! A stop, as those hear of it who wait for a broker.
//!
//! Who works waits long for a broker that is away, because it comes back; who wants to end does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a broker may take to answer somebody who wants to end.
const GRACE: Duration = Duration::from_secs(4);

/// Says that whoever uses a log wants to end: what waits for a broker that does not answer gives up soon. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_set: AtomicBool,
    /// Whether somebody who wanted to end has waited in vain: the others do not wait as long one after the other.
    was_in_vain: AtomicBool,
    /// Whether no broker has answered for a while.
    is_away: AtomicBool,
}

impl Stop {
    /// Says so, for good.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::Release);
    }

    /// Whether it was said.
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::Acquire)
    }

    /// Notes whether no broker answers anybody.
    pub(super) fn note_away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::Release);
    }

    /// Whether somebody wants to end, and nobody answers.
    pub(super) fn is_in_vain(&self) -> bool {
        self.is_set() && (self.0.was_in_vain.load(Ordering::Acquire) || self.0.is_away.load(Ordering::Acquire))
    }

    /// How long something that begins now may take.
    pub(super) fn patience(&self, limit: Duration) -> Patience<'_> {
        Patience { stop: self, begun: Instant::now(), limit }
    }
}

/// How long something may take; less once somebody wants to end.
pub(super) struct Patience<'a> {
    stop: &'a Stop,
    begun: Instant,
    limit: Duration,
}

impl Patience<'_> {
    pub(super) fn is_over(&self) -> bool {
        self.is_over_after(self.begun.elapsed())
    }

    fn is_over_after(&self, waited: Duration) -> bool {
        if !self.stop.is_set() {
            return waited >= self.limit;
        }
        let is_over = self.stop.is_in_vain() || waited >= self.limit.min(GRACE);
        if is_over {
            self.stop.0.was_in_vain.store(true, Ordering::Release);
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn who_wants_to_end_waits_a_little_and_those_behind_him_not_at_all() {
        let stop = Stop::default();
        let (first, second) = (stop.patience(LIMIT), stop.patience(LIMIT));
        assert!(!first.is_over_after(LIMIT - GRACE) && first.is_over_after(LIMIT));
        stop.set();
        assert!(!first.is_over_after(GRACE / 2) && !stop.is_in_vain());
        assert!(first.is_over_after(GRACE));
        assert!(stop.is_in_vain() && second.is_over_after(Duration::ZERO));
    }

    #[test]
    fn who_wants_to_end_while_nobody_answers_does_not_wait() {
        let stop = Stop::default();
        stop.note_away(true);
        let patience = stop.patience(LIMIT);
        assert!(!patience.is_over_after(GRACE), "it may come back");
        stop.set();
        assert!(patience.is_over_after(Duration::ZERO));
    }
}
