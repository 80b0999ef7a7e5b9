//! Which of very many slots is due next, without looking at the others.
//!
//! Slots wait in buckets of one second; only the buckets that the bound has reached are sorted, in a heap. A
//! slot stands here once, under a time that is never later than its true one: whoever takes it out compares, and
//! puts it back where it belongs. So a hit that moves a session's end touches nothing here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use events::Timestamp;

/// The width of a bucket.
const BUCKET_MS: i64 = 1000;

#[derive(Debug)]
pub(crate) struct Deadlines {
    /// Buckets that the bound has not reached, by their number.
    far: BTreeMap<i64, Vec<u32>>,
    /// Everything before bucket `near_until`.
    near: BinaryHeap<Reverse<(i64, u32)>>,
    near_until: i64,
    /// No slot stands here under an earlier time. Nearly every hit asks, and few have to look further.
    none_before: i64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { far: BTreeMap::new(), near: BinaryHeap::new(), near_until: 0, none_before: i64::MAX }
    }
}

impl Deadlines {
    /// Lets a slot wait for a time.
    pub(crate) fn insert(&mut self, time: Timestamp, slot: u32) {
        let bucket = time.as_millis().div_euclid(BUCKET_MS);
        self.none_before = self.none_before.min(time.as_millis());
        if bucket < self.near_until {
            self.near.push(Reverse((time.as_millis(), slot)));
        } else {
            self.far.entry(bucket).or_default().push(slot);
        }
    }

    /// Takes out one slot whose time is before the bound, the earliest first. `time_of` tells the true time of a
    /// slot; one that turns out not to be due goes back by itself.
    pub(crate) fn pop_before(&mut self, bound: Timestamp, time_of: impl Fn(u32) -> Timestamp) -> Option<u32> {
        if bound.as_millis() <= self.none_before {
            return None;
        }
        let bound_bucket = bound.as_millis().div_euclid(BUCKET_MS);
        while let Some(entry) = self.far.first_entry() {
            if *entry.key() > bound_bucket {
                break;
            }
            for slot in entry.remove() {
                let time = time_of(slot).as_millis();
                let bucket = time.div_euclid(BUCKET_MS);
                if bucket > bound_bucket {
                    self.far.entry(bucket).or_default().push(slot);
                } else {
                    self.near.push(Reverse((time, slot)));
                }
            }
        }
        // From here on such times go straight to the heap: their bucket is gone.
        if bound != Timestamp::MIN {
            self.near_until = self.near_until.max(bound_bucket + 1);
        }
        while let Some(&Reverse((time, slot))) = self.near.peek() {
            if time >= bound.as_millis() {
                break;
            }
            self.near.pop();
            let now = time_of(slot);
            if now < bound {
                return Some(slot);
            }
            self.insert(now, slot);
        }
        let far = self.far.first_key_value().map_or(i64::MAX, |(bucket, _)| bucket.saturating_mul(BUCKET_MS));
        self.none_before = self.near.peek().map_or(far, |&Reverse((time, _))| far.min(time));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    proptest! {
        /// Against the obvious: whatever moved later in between, exactly the due slots come out, each once.
        #[test]
        fn exactly_what_is_due_comes_out(
            times in prop::collection::vec(-5_000i64..20_000, 1..40),
            moves in prop::collection::vec((0usize..40, 0i64..9_000), 0..40),
            mut bounds in prop::collection::vec(-6_000i64..35_000, 1..10),
        ) {
            let mut deadlines = Deadlines::default();
            let mut current = times.clone();
            for (slot, &time) in times.iter().enumerate() {
                deadlines.insert(at(time), slot as u32);
            }
            bounds.sort_unstable();
            let mut out = vec![false; times.len()];
            let mut moves = moves.into_iter();
            for bound in bounds {
                if let Some((slot, by)) = moves.next() && slot < current.len() {
                    current[slot] += by;
                }
                while let Some(slot) = deadlines.pop_before(at(bound), |slot| at(current[slot as usize])) {
                    prop_assert!(!out[slot as usize], "slot {} came twice", slot);
                    prop_assert!(current[slot as usize] < bound);
                    out[slot as usize] = true;
                }
                for slot in 0..current.len() {
                    prop_assert!(out[slot] || current[slot] >= bound, "slot {} was forgotten", slot);
                }
            }
        }
    }
}
