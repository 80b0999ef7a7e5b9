//! Numbers of things, by a hash of what each is found by.
//!
//! A table of our own and not a library's for one thing: where an entry stands is known from the hash alone, so that all
//! lookups of a run may ask for memory before any of them needs it. An entry goes without leaving a mark, so that a table in which
//! as many come as go is never cleaned.

use std::hint::select_unpredictable;

use crate::prefetch::prefetch_start;

/// Open addressing: a bucket of eight entries is a line of a processor's cache, and what finds it full goes to the next one. A
/// bucket is looked through without a branch. Which of eight places an entry has nobody can foretell, and a processor that
/// guesses wrong throws away what it did ahead; with entries one after the other (linear probing) it did so twice a hit.
///
/// No number stands twice, under whatever tag.
#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two of them; at most five eighths of their entries are taken.
    buckets: Box<[Bucket]>,
    taken: usize,
}

/// Entries stand at its front, in no order.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bucket {
    /// The hashes. What has the same is nearly always the same, and need not be asked.
    tags: [u32; BUCKET],
    /// [`NONE`] where nothing stands.
    numbers: [u32; BUCKET],
}

/// No number. It is never put in.
pub(crate) const NONE: u32 = u32::MAX;

/// Entries in a bucket.
const BUCKET: usize = 8;

/// The buckets of the smallest table.
const LEAST: usize = 8;

impl Bucket {
    const EMPTY: Self = Self { tags: [0; BUCKET], numbers: [NONE; BUCKET] };

    /// The first number under that tag, or [`NONE`].
    #[inline(always)]
    fn first(&self, tag: u32) -> u32 {
        // What is empty stands behind what is not, so that a tag that is 0 by chance finds its own first.
        (0..BUCKET).rev().fold(NONE, |found, at| select_unpredictable(self.tags[at] == tag, self.numbers[at], found))
    }

    /// How many entries it has.
    #[inline(always)]
    fn len(&self) -> usize {
        self.numbers.iter().map(|&number| usize::from(number != NONE)).sum()
    }

    fn is_full(&self) -> bool {
        self.numbers[BUCKET - 1] != NONE
    }

    fn all(&self) -> impl Iterator<Item = (u32, u32)> {
        self.tags.into_iter().zip(self.numbers).filter(|&(_, number)| number != NONE)
    }

    /// Where this number stands.
    fn place_of(&self, number: u32) -> Option<usize> {
        let at =
            (0..BUCKET).rev().fold(BUCKET, |found, at| select_unpredictable(self.numbers[at] == number, at, found));
        (at < BUCKET).then_some(at)
    }

    /// It is not full.
    fn push(&mut self, tag: u32, number: u32) {
        let at = self.len();
        (self.tags[at], self.numbers[at]) = (tag, number);
    }

    /// Takes out what stands there.
    fn take(&mut self, at: usize) -> (u32, u32) {
        let (taken, last) = ((self.tags[at], self.numbers[at]), self.len() - 1);
        (self.tags[at], self.numbers[at]) = (self.tags[last], self.numbers[last]);
        self.numbers[last] = NONE;
        taken
    }
}

impl Default for Index {
    fn default() -> Self {
        Self { buckets: vec![Bucket::EMPTY; LEAST].into(), taken: 0 }
    }
}

impl Index {
    /// Asks for the memory where a search for the tag begins.
    #[inline(always)]
    pub(crate) fn prefetch(&self, tag: u32) {
        prefetch_start(&self.buckets[self.home(tag)]);
    }

    /// The first number under that tag, or [`NONE`].
    #[inline(always)]
    pub(crate) fn first(&self, tag: u32) -> u32 {
        let bucket = &self.buckets[self.home(tag)];
        let first = bucket.first(tag);
        // Few are full: one in two hundred right after the table grew, one in six before it does.
        if bucket.is_full() && first == NONE { self.find(tag, |_| true).unwrap_or(NONE) } else { first }
    }

    /// The first number under that tag of which `is_its` says yes.
    #[inline(always)]
    pub(crate) fn find(&self, tag: u32, is_its: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(tag);
        loop {
            let bucket = &self.buckets[at];
            let first = bucket.first(tag);
            if first != NONE {
                if is_its(first) {
                    return Some(first);
                }
                let its = bucket.all().find(|&(other, number)| other == tag && is_its(number));
                if let Some((_, number)) = its {
                    return Some(number);
                }
            }
            if !bucket.is_full() {
                return None;
            }
            at = self.next(at);
        }
    }

    /// Puts one in that is not there.
    #[inline]
    pub(crate) fn insert(&mut self, tag: u32, number: u32) {
        if (self.taken + 1) * 8 > self.buckets.len() * BUCKET * 5 {
            self.grow();
        }
        self.taken += 1;
        self.put(tag, number);
    }

    /// What has this number has another one from now on; nothing happens where it is not there.
    pub(crate) fn replace(&mut self, tag: u32, number: u32, by: u32) {
        if let Some((bucket, at)) = self.place_of(tag, number) {
            self.buckets[bucket].numbers[at] = by;
        }
    }

    /// Takes out what has this number.
    #[inline]
    pub(crate) fn remove(&mut self, tag: u32, number: u32) {
        let (bucket, at) = self.place_of(tag, number).expect("what is taken out is there");
        self.taken -= 1;
        let was_full = self.buckets[bucket].is_full();
        self.buckets[bucket].take(at);
        if was_full {
            self.move_up(bucket);
        }
    }

    /// A bucket was full and is no more: what stands further on because it was full moves up, so that no search ends too early.
    #[cold]
    fn move_up(&mut self, mut gap: usize) {
        let mut at = self.next(gap);
        loop {
            let bucket = &self.buckets[at];
            let was_full = bucket.is_full();
            // It may stand in the gap unless that lies before the bucket where its search begins.
            let may_move = |tag: u32| self.steps(self.home(tag), at) >= self.steps(gap, at);
            let movable = bucket.all().position(|(tag, _)| may_move(tag));
            if let Some(place) = movable {
                let (tag, number) = self.buckets[at].take(place);
                self.buckets[gap].push(tag, number);
                gap = at;
            }
            if !was_full {
                return;
            }
            at = self.next(at);
        }
    }

    /// The bucket and the place in it.
    fn place_of(&self, tag: u32, number: u32) -> Option<(usize, usize)> {
        let mut at = self.home(tag);
        loop {
            let bucket = &self.buckets[at];
            if let Some(place) = bucket.place_of(number) {
                return Some((at, place));
            }
            if !bucket.is_full() {
                return None;
            }
            at = self.next(at);
        }
    }

    fn put(&mut self, tag: u32, number: u32) {
        let mut at = self.home(tag);
        while self.buckets[at].is_full() {
            at = self.next(at);
        }
        self.buckets[at].push(tag, number);
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![Bucket::EMPTY; self.buckets.len() * 2].into();
        let all = std::mem::replace(&mut self.buckets, larger);
        all.iter().flat_map(Bucket::all).for_each(|(tag, number)| self.put(tag, number));
    }

    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.buckets.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.buckets.len() - 1)
    }

    /// How far it is from one bucket to another, onward and over the end.
    fn steps(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Against the obvious, with tags that collide, wrap around the end and are the same for several.
        #[test]
        fn exactly_what_was_put_in_is_found(
            steps in prop::collection::vec((0u32..3, prop::sample::select(vec![0u32, 1, 61, 62, 63, 64, 127, 1 << 20]), 0u32..300), 1..600),
        ) {
            let (mut index, mut model) = (Index::default(), BTreeMap::<u32, u32>::new());
            for (step, tag, number) in steps {
                match (step, model.get(&number).copied()) {
                    (0, Some(tag)) => {
                        index.remove(tag, number);
                        model.remove(&number);
                    }
                    (1, Some(tag)) if !model.contains_key(&(number + 300)) => {
                        index.replace(tag, number, number + 300);
                        model.remove(&number);
                        model.insert(number + 300, tag);
                    }
                    (_, None) => {
                        index.insert(tag, number);
                        model.insert(number, tag);
                    }
                    _ => {}
                }
                for (&number, &tag) in &model {
                    prop_assert_eq!(index.find(tag, |its| its == number), Some(number));
                    prop_assert_eq!(model.get(&index.first(tag)), Some(&tag));
                }
                prop_assert_eq!(index.taken, model.len());
                let standing = index.buckets.iter().map(Bucket::len).sum::<usize>();
                prop_assert_eq!(standing, model.len());
            }
            prop_assert_eq!((index.find(7, |_| true), index.first(7)), (None, NONE));
        }
    }
}
