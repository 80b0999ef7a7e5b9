//! Which of very many slots is due next, without looking at the others.
//!
//! Slots wait in buckets of one second. Only a bucket that the bound has reached is sorted, and taken from its end. A
//! slot stands here once, under a time that is never later than its true one: whoever takes it out compares, and
//! puts it back where it belongs. So a hit that moves a session's end touches nothing here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use events::Timestamp;

use crate::prefetch::prefetch;

/// The width of a bucket.
const BUCKET_MS: i64 = 1000;

/// How many buckets stand in a row, found without a search: a good two hours, where the default gap and lateness need
/// forty minutes. An empty one costs 24 bytes.
const ROW: i64 = 8192;

/// How many empty buckets' memory is kept. As time goes on, buckets are emptied as fast as others are filled.
const MOST_SPARE: usize = 16;

/// The largest bucket whose memory is kept.
const MOST_SPARE_SLOTS: usize = 1024;

/// What waits here.
pub(crate) trait Slots {
    /// The true time of a slot; it may grow while the slot waits, and never falls.
    fn time(&self, slot: u32) -> Timestamp;

    /// The slot's time will be asked for within a bucket's width: asks for its memory.
    fn prefetch(&self, slot: u32);

    /// The slot is due within a bucket's width: asks for the memory of what it takes then.
    fn prefetch_all(&self, slot: u32);
}

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// Buckets that the bound has not reached, from number `row_start` on.
    row: VecDeque<Vec<u32>>,
    row_start: i64,
    /// Buckets that the bound has not reached and that have no place in the row.
    far: BTreeMap<i64, Vec<u32>>,
    /// What stood in the buckets that the bound has reached, the earliest last.
    near: Vec<(i64, u32)>,
    /// Where buckets are emptied to before it becomes `near`; else it is empty.
    reached: Vec<(i64, u32)>,
    /// What came for such a bucket when it was gone.
    stray: BinaryHeap<Reverse<(i64, u32)>>,
    /// Buckets before this one are gone; `None` before the first bound.
    near_until: Option<i64>,
    /// Empty buckets' memory, for new ones.
    spare: Vec<Vec<u32>>,
    /// No slot stands here under an earlier time. Nearly every hit asks, and few have to look further.
    none_before: Option<i64>,
}

impl Deadlines {
    /// Lets a slot wait for a time.
    pub(crate) fn insert(&mut self, time: Timestamp, slot: u32) {
        let time = time.as_millis();
        self.none_before = Some(self.none_before.map_or(time, |before| before.min(time)));
        let bucket = time.div_euclid(BUCKET_MS);
        if self.near_until.is_some_and(|until| bucket < until) {
            self.stray.push(Reverse((time, slot)));
        } else {
            self.put(bucket, slot);
        }
    }

    fn put(&mut self, number: i64, slot: u32) {
        let bucket = self.bucket(number);
        if bucket.capacity() > 0 {
            bucket.push(slot);
        } else {
            let mut fresh = self.spare.pop().unwrap_or_default();
            fresh.push(slot);
            *self.bucket(number) = fresh;
        }
    }

    fn bucket(&mut self, number: i64) -> &mut Vec<u32> {
        if self.row.is_empty() {
            self.row_start = number;
        }
        match number.checked_sub(self.row_start) {
            Some(at @ 0..ROW) => {
                let at = at as usize;
                if at >= self.row.len() {
                    self.row.resize_with(at + 1, Vec::new);
                }
                &mut self.row[at]
            }
            _ => self.far.entry(number).or_default(),
        }
    }

    /// Whether it is clear that no slot's time is before the bound.
    #[inline]
    pub(crate) fn has_none_before(&self, bound: Timestamp) -> bool {
        self.none_before.is_none_or(|before| bound.as_millis() <= before)
    }

    /// Takes out one slot whose time is before the bound, the earliest first; one that turns out not to be due goes
    /// back by itself.
    pub(crate) fn pop_before(&mut self, bound: Timestamp, slots: &impl Slots) -> Option<u32> {
        if self.has_none_before(bound) {
            return None;
        }
        let bound_bucket = bound.as_millis().div_euclid(BUCKET_MS);
        if self.near_until.is_none_or(|until| until <= bound_bucket) {
            self.reach(bound_bucket, slots);
        }
        while let Some((time, slot)) = self.take_near(bound.as_millis()) {
            let now = slots.time(slot);
            if now.as_millis() == time || now < bound {
                return Some(slot);
            }
            self.insert(now, slot);
        }
        let near = self.near.last().map(|&(time, _)| time);
        let stray = self.stray.peek().map(|&Reverse((time, _))| time);
        self.none_before = near.into_iter().chain(stray).min().or_else(|| self.first_bucket());
        None
    }

    /// When the first of the buckets begins that the bound has not reached.
    fn first_bucket(&self) -> Option<i64> {
        let row = (!self.row.is_empty()).then_some(self.row_start);
        let far = self.far.first_key_value().map(|(&bucket, _)| bucket);
        row.into_iter().chain(far).min().map(|bucket| bucket.saturating_mul(BUCKET_MS))
    }

    /// Empties the buckets up to this one into `near`.
    fn reach(&mut self, last: i64, slots: &impl Slots) {
        while let Some(entry) = self.far.first_entry().filter(|entry| *entry.key() <= last) {
            let bucket = entry.remove();
            self.empty(bucket, last, slots);
        }
        while self.row_start <= last
            && let Some(bucket) = self.row.pop_front()
        {
            self.row_start += 1;
            self.empty(bucket, last, slots);
        }
        if let Some(next) = self.row.front() {
            next.iter().for_each(|&slot| slots.prefetch(slot));
        }
        if let Some(after_next) = self.row.get(1) {
            prefetch(&after_next[..]);
        }
        self.reached.iter().for_each(|&(_, slot)| slots.prefetch_all(slot));
        self.reached.sort_unstable_by_key(|&entry| Reverse(entry));
        // What is in `near` already comes from earlier buckets, so it is due before all that is added.
        self.reached.append(&mut self.near);
        std::mem::swap(&mut self.near, &mut self.reached);
        self.near_until = Some(last + 1);
    }

    fn empty(&mut self, mut bucket: Vec<u32>, last: i64, slots: &impl Slots) {
        for slot in bucket.drain(..) {
            let time = slots.time(slot).as_millis();
            let number = time.div_euclid(BUCKET_MS);
            if number > last {
                self.put(number, slot);
            } else {
                self.reached.push((time, slot));
            }
        }
        if self.spare.len() < MOST_SPARE && (1..=MOST_SPARE_SLOTS).contains(&bucket.capacity()) {
            self.spare.push(bucket);
        }
    }

    /// The earliest of what was due when its bucket was reached, if that is before the bound.
    fn take_near(&mut self, bound: i64) -> Option<(i64, u32)> {
        let near = self.near.last().copied();
        let stray = self.stray.peek().map(|&Reverse(entry)| entry);
        let is_near = stray.is_none_or(|stray| near.is_some_and(|near| near < stray));
        let earliest = if is_near { near } else { stray };
        let earliest = earliest.filter(|&(time, _)| time < bound)?;
        if is_near {
            self.near.pop();
        } else {
            self.stray.pop();
        }
        Some(earliest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    struct Times<'a>(&'a [i64]);

    impl Slots for Times<'_> {
        fn time(&self, slot: u32) -> Timestamp {
            at(self.0[slot as usize])
        }

        fn prefetch(&self, _: u32) {}

        fn prefetch_all(&self, _: u32) {}
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
                while let Some(slot) = deadlines.pop_before(at(bound), &Times(&current)) {
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
