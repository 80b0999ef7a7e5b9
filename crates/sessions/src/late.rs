//! Hits that came too late, and the ids of the newest of them.

use std::collections::{HashSet, VecDeque};

use xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// Why a hit is late.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LateReason {
    /// The session that it belongs to was final.
    SessionClosed,
    /// It is older than the horizon, and no open session takes it.
    TooOld,
    /// The partition holds as many sessions as it may.
    StateFull,
}

impl LateReason {
    /// Every reason, in the order in which [`crate::Counts`] counts them.
    pub const ALL: [Self; 3] = [Self::SessionClosed, Self::TooOld, Self::StateFull];

    /// The stable name in records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionClosed => "session_closed",
            Self::TooOld => "too_old",
            Self::StateFull => "state_full",
        }
    }
}

/// How many late ids a partition remembers.
pub(crate) const REMEMBERED: usize = 4096;

/// The newest late ids of a partition, so that a copy of a late hit is a duplicate and no second row of `late`.
#[derive(Debug, Default)]
pub(crate) struct LateIds {
    ring: VecDeque<u64>,
    known: HashSet<u64, Xxh3DefaultBuilder>,
    /// How many were ever remembered: the ring's place in the numbering that the state uses.
    total: u64,
}

impl LateIds {
    pub(crate) fn contains(&self, fingerprint: u64) -> bool {
        self.known.contains(&fingerprint)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    pub(crate) fn insert(&mut self, fingerprint: u64) {
        if self.ring.len() == REMEMBERED
            && let Some(oldest) = self.ring.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.ring.push_back(fingerprint);
        self.known.insert(fingerprint);
        self.total += 1;
    }

    /// How many ids were ever remembered.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The id that was remembered as number `index` (from 0), while it is remembered.
    pub(crate) fn get(&self, index: u64) -> Option<u64> {
        let oldest = self.total - self.ring.len() as u64;
        index.checked_sub(oldest).and_then(|at| self.ring.get(at as usize).copied())
    }

    /// A ring as it was when `total` ids had been remembered; the ids in order, the newest last.
    pub(crate) fn restored(total: u64, ids: impl Iterator<Item = u64>) -> Self {
        let mut late = Self::default();
        ids.for_each(|id| late.insert(id));
        late.total = total;
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut late = LateIds::default();
        (0..REMEMBERED as u64 + 1).for_each(|id| late.insert(id));
        assert!(!late.contains(0) && late.contains(1) && late.contains(REMEMBERED as u64));
        assert_eq!((late.get(0), late.get(1), late.get(REMEMBERED as u64)), (None, Some(1), Some(REMEMBERED as u64)));
    }
}
