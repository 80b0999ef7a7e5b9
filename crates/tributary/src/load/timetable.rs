//! When each request is due, and who sends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// The shortest sleep: requests that are due within it go out together. A fifth of a millisecond, which no collector's
/// latency is made of.
const GRAIN: Duration = Duration::from_micros(200);

/// The moments at which requests are due. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Timetable(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plan: Plan,
    start: Instant,
    /// One permit for each request that is due and has not been taken.
    due: Semaphore,
    /// Requests that were due by now. What is due and not taken is counted by these two: a permit may be on its way to
    /// somebody who has not woken up.
    told: AtomicU64,
    taken: AtomicU64,
}

/// Request k is due k intervals after the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Plan {
    requests: u64,
    /// Nanoseconds between two requests, times hits a second: kept whole, so that it does not drift.
    nanos_of_all: u128,
    rate: u32,
}

impl Plan {
    fn new(rate: u32, batch: u32, duration: Duration) -> Self {
        let hits = duration.as_nanos() * u128::from(rate) / 1_000_000_000;
        let requests = (hits / u128::from(batch)).max(1) as u64;
        Self { requests, nanos_of_all: u128::from(batch) * 1_000_000_000, rate }
    }

    /// When request k is due, from the start.
    fn due(&self, k: u64) -> Duration {
        Duration::from_nanos((u128::from(k) * self.nanos_of_all / u128::from(self.rate)) as u64)
    }

    /// How many requests are due by then.
    fn due_by(&self, elapsed: Duration) -> u64 {
        let due = (elapsed.as_nanos() * u128::from(self.rate) / self.nanos_of_all) as u64 + 1;
        due.min(self.requests)
    }
}

impl Timetable {
    /// Starts the clock. A thread of its own keeps it: the runtime's timers are a millisecond wide. What is due and not taken
    /// at the end may be taken for as long as the grace lasts.
    pub(super) fn start(rate: u32, batch: u32, duration: Duration, grace: Duration) -> Self {
        let plan = Plan::new(rate, batch, duration);
        let (told, taken) = (AtomicU64::new(0), AtomicU64::new(0));
        let inner = Inner { plan, start: Instant::now(), due: Semaphore::new(0), told, taken };
        let timetable = Self(Arc::new(inner));
        let clock = timetable.clone();
        std::thread::spawn(move || clock.tell(duration + grace));
        timetable
    }

    /// The moment at which the next request was due, as soon as it is; none when it is over.
    pub(super) async fn next(&self) -> Option<Instant> {
        self.0.due.acquire().await.ok()?.forget();
        let k = self.0.taken.fetch_add(1, Ordering::Relaxed);
        Some(self.0.start + self.0.plan.due(k))
    }

    /// Nothing is due any more. What was due and not taken stays unsent.
    pub(super) fn stop(&self) {
        self.0.due.close();
    }

    /// How long it has been.
    pub(super) fn elapsed(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// Requests that were due and that nobody had a connection for.
    pub(super) fn unsent(&self) -> u64 {
        self.0.told.load(Ordering::Relaxed) - self.0.taken.load(Ordering::Relaxed)
    }

    fn tell(&self, at_most: Duration) {
        let Inner { plan, start, due, .. } = &*self.0;
        let mut told = 0;
        while told < plan.requests && !due.is_closed() {
            let now_due = plan.due_by(start.elapsed());
            // First: whoever takes it must find it counted.
            self.0.told.store(now_due, Ordering::Relaxed);
            due.add_permits((now_due - told) as usize);
            told = now_due;
            std::thread::sleep(plan.due(told).saturating_sub(start.elapsed()).max(GRAIN));
        }
        while self.unsent() > 0 && start.elapsed() < at_most {
            std::thread::sleep(GRAIN);
        }
        due.close();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_at_a_rate_has_that_many_hits() {
        let plan = Plan::new(2000, 50, Duration::from_secs(30));
        assert_eq!(plan.requests, 1200);
        assert_eq!(plan.due(40), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn every_request_is_handed_out_once_at_its_moment_and_then_it_is_over() {
        let timetable = Timetable::start(1000, 10, Duration::from_millis(100), Duration::from_secs(60));
        let mut moments = Vec::new();
        while let Some(moment) = timetable.next().await {
            assert!(moment <= Instant::now(), "nobody is told before it is due");
            moments.push(moment - timetable.0.start);
        }
        let planned: Vec<_> = (0..10).map(|k| Duration::from_millis(10 * k)).collect();
        assert_eq!(moments, planned);
        assert_eq!(timetable.unsent(), 0);
    }

    #[tokio::test]
    async fn who_waits_for_the_last_request_and_wakes_up_late_sends_it() {
        let timetable = Timetable::start(20, 1, Duration::from_millis(100), Duration::from_secs(60));
        assert!(timetable.next().await.is_some());
        let late = timetable.clone();
        let last = tokio::spawn(async move { late.next().await });
        tokio::task::yield_now().await;
        // Its moment comes and goes, and nobody polls it meanwhile.
        std::thread::sleep(Duration::from_millis(120));
        assert!(last.await.unwrap().is_some());
        assert_eq!(timetable.unsent(), 0);
    }

    #[tokio::test]
    async fn what_nobody_had_a_connection_for_is_unsent() {
        let timetable = Timetable::start(1000, 1, Duration::from_millis(20), Duration::ZERO);
        while !timetable.0.due.is_closed() {
            tokio::task::yield_now().await;
        }
        assert_eq!(timetable.next().await, None);
        assert_eq!(timetable.unsent(), 20);
    }

    proptest! {
        #[test]
        fn due_by_counts_the_requests_that_are_due(
            rate in 1u32..1_000_000, batch in 1u32..1000, seconds in 1u64..100, at in 0u64..100_000_000_000,
        ) {
            let plan = Plan::new(rate, batch, Duration::from_secs(seconds));
            let at = Duration::from_nanos(at);
            let count = plan.due_by(at);
            prop_assert!(count == plan.requests || plan.due(count) + Duration::from_nanos(1) >= at);
            prop_assert!(plan.due(count - 1) <= at);
        }
    }
}
