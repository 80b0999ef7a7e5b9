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
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Says so, for good.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was said.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
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
        let limit = if self.stop.is_set() { self.limit.min(GRACE) } else { self.limit };
        self.begun.elapsed() >= limit
    }
}
