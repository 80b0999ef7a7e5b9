//! How much may come from one address, for one visitor, and for one site.
//!
//! Whose turn it is tells [`governor`], by the leaky bucket of ATM networks: eight bytes for each key. Keys share a fixed number
//! of cells by their hash, so that no flood of new keys takes memory (P6). Two keys in one cell share a rate that neither
//! comes near unless it floods.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;

use governor::clock::{Clock, MonotonicClock};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

/// Cells for keys: half a megabyte.
const CELLS: usize = 1 << 16;

/// So many seconds' worth may come at once.
const BURST: u32 = 10;

/// Most so many things a second of each key, and ten times that at once.
#[derive(Debug)]
pub struct Rate {
    limiter: RateLimiter<u64, Cells, MonotonicClock>,
    /// Who knows nothing of it cannot look for keys that share a cell.
    hasher: RandomState,
}

impl Rate {
    /// A rate for many keys; none where there is no limit.
    pub fn of_keys(a_second: u32) -> Option<Self> {
        Self::new(a_second, CELLS)
    }

    /// A rate for one thing alone; none where there is no limit.
    pub fn of_one(a_second: u32) -> Option<Self> {
        Self::new(a_second, 1)
    }

    fn new(a_second: u32, cells: usize) -> Option<Self> {
        let a_second = NonZeroU32::new(a_second)?;
        let quota = Quota::per_second(a_second).allow_burst(a_second.saturating_mul(TIMES));
        let cells = Cells((0..cells).map(|_| InMemoryState::default()).collect());
        Some(Self { limiter: RateLimiter::new(quota, cells, MonotonicClock), hasher: RandomState::new() })
    }

    /// Counts one more of a key.
    ///
    /// # Errors
    ///
    /// Where it is too much: the whole seconds after which another may come.
    pub fn take(&self, key: impl Hash) -> Result<(), u64> {
        let key = self.hasher.hash_one(key);
        self.limiter.check_key(&key).map_err(|early| early.wait_time_from(MonotonicClock.now()).as_secs() + 1)
    }
}

const TIMES: NonZeroU32 = NonZeroU32::new(BURST).expect("it is more than zero");

struct Cells(Box<[InMemoryState]>);

impl StateStore for Cells {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0[*key as usize % self.0.len()].measure_and_replace(&NotKeyed::NonKey, decide)
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cells", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a key are let through of so many that come at once.
    fn let_through(rate: &Rate, key: &str, of: usize) -> usize {
        (0..of).filter(|_| rate.take(key).is_ok()).count()
    }

    #[test]
    fn who_floods_is_held_back_and_nobody_else() {
        let rate = Rate::of_keys(10).unwrap();
        assert!((100..1000).contains(&let_through(&rate, "flood", 10_000)), "a burst, and what fell due meanwhile");
        assert_eq!(let_through(&rate, "polite", 20), 20);
        // A moment may have gone by, and one more be due.
        let wait = std::iter::repeat_with(|| rate.take("flood")).find_map(Result::err).unwrap();
        assert_eq!(wait, 1, "the next is due within a second");
    }

    #[test]
    fn without_a_limit_there_is_nothing_to_count() {
        assert!(Rate::of_keys(0).is_none() && Rate::of_one(0).is_none());
    }
}
