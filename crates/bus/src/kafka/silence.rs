//! A producer that sends and hears nothing: since when. Pure.
//!
//! Seen once: after its broker had been killed, frozen and restarted, a producer got no acknowledgement for minutes, while
//! the broker answered everybody else. Such a one is replaced; when is decided here, how by `publisher`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many times as long as a record may wait a producer may say nothing.
const TIMES: u32 = 2;

/// The longest that one may say nothing that replaced others in vain, in the same measure.
const MOST_TIMES: u32 = 16;

/// What one producer sent and heard. Shared by who sends and who hears; a race between the two costs a moment at most.
pub(super) struct Silence {
    /// How long it may say nothing while the broker answers others.
    patience: Duration,
    begun: Instant,
    /// When the first was sent that nothing was heard since, in milliseconds behind `begun`, plus one; 0: there is none.
    since: AtomicU64,
    /// When something was sent last, in the same way.
    sent: AtomicU64,
    has_spoken: AtomicBool,
}

impl Silence {
    /// Of the first producer, whose records wait for so long at most.
    pub(super) fn new(record: Duration, now: Instant) -> Self {
        Self::with_patience(record * TIMES, now)
    }

    /// Of one that replaces another. Where that did not help the last time, the next time is further away.
    pub(super) fn next(&self, record: Duration, now: Instant) -> Self {
        match self.has_spoken.load(Ordering::Relaxed) {
            true => Self::new(record, now),
            false => Self::with_patience((self.patience * 2).min(record * MOST_TIMES), now),
        }
    }

    fn with_patience(patience: Duration, begun: Instant) -> Self {
        let (since, sent) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { patience, begun, since, sent, has_spoken: AtomicBool::new(false) }
    }

    /// Something is sent.
    pub(super) fn sent(&self, now: Instant) {
        let at = self.at(now);
        let last = self.sent.swap(at, Ordering::Relaxed);
        let is_first = self.since.load(Ordering::Relaxed) == 0;
        // What was tried so long ago says nothing about now.
        if is_first || u128::from(at - last.min(at)) > self.patience.as_millis() {
            self.since.store(at, Ordering::Relaxed);
        }
    }

    /// The broker has said something about a record, good or bad.
    pub(super) fn heard(&self) {
        if self.since.load(Ordering::Relaxed) != 0 {
            self.since.store(0, Ordering::Relaxed);
            self.has_spoken.store(true, Ordering::Relaxed);
        }
    }

    /// For how long nothing was heard, where it is too long. Others were answered for so long: while nobody is, the broker is
    /// away, and a new producer would hear nothing either.
    pub(super) fn is_too_long(&self, now: Instant, answers: impl FnOnce() -> Duration) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed);
        let silent = Duration::from_millis(self.at(now) - since.min(self.at(now)));
        if since == 0 || silent < self.patience {
            return None;
        }
        let silent = silent.min(answers());
        (silent >= self.patience).then_some(silent)
    }

    fn at(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_millis() as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Duration = Duration::from_secs(8);
    const ALWAYS: Duration = Duration::MAX;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One that sends each second, and how long it says nothing at the end.
    fn sends(silence: &Silence, from: Instant, count: u64) -> Instant {
        (0..count).for_each(|n| silence.sent(from + seconds(n)));
        from + seconds(count)
    }

    #[test]
    fn a_producer_that_hears_nothing_is_given_up_after_twice_the_time_of_a_record() {
        let start = Instant::now();
        let silence = Silence::new(RECORD, start);
        let now = sends(&silence, start, 15);
        assert_eq!(silence.is_too_long(now, || ALWAYS), None);
        let now = sends(&silence, now, 1);
        assert_eq!(silence.is_too_long(now, || ALWAYS), Some(seconds(16)));
        silence.heard();
        assert_eq!(silence.is_too_long(now, || ALWAYS), None);
    }

    #[test]
    fn nobody_is_given_up_while_the_broker_answers_nobody_or_has_just_come_back() {
        let start = Instant::now();
        let silence = Silence::new(RECORD, start);
        let now = sends(&silence, start, 300);
        assert_eq!(silence.is_too_long(now, || Duration::ZERO), None);
        assert_eq!(silence.is_too_long(now, || seconds(15)), None);
        assert_eq!(silence.is_too_long(now, || seconds(16)), Some(seconds(16)));
    }

    #[test]
    fn a_record_that_was_lost_long_ago_says_nothing() {
        let start = Instant::now();
        let silence = Silence::new(RECORD, start);
        silence.sent(start);
        silence.sent(start + seconds(3600));
        assert_eq!(silence.is_too_long(start + seconds(3601), || ALWAYS), None);
    }

    #[test]
    fn where_a_new_one_does_not_help_the_next_one_waits_longer() {
        let start = Instant::now();
        let mut silence = Silence::new(RECORD, start);
        let patience = |silence: &Silence| silence.patience.as_secs();
        let mut seen = vec![patience(&silence)];
        for _ in 0..4 {
            silence = silence.next(RECORD, start);
            seen.push(patience(&silence));
        }
        assert_eq!(seen, [16, 32, 64, 128, 128]);
        silence.sent(start);
        silence.heard();
        assert_eq!(patience(&silence.next(RECORD, start)), 16);
    }
}
