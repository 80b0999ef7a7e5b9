//! Numbers of things, by a hash of what each is found by.
//!
//! A table of our own and not a library's for one thing: where an entry stands is known from the hash alone, so that all
//! lookups of a run may ask for memory before any of them needs it. An entry goes without leaving a mark, so that a table in which
//! as many come as go is never cleaned.

use crate::prefetch::prefetch_start;

/// Open addressing, one entry after the other (linear probing): eight of them are one line of a processor's cache.
#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two of them, of which at most five eighths are taken.
    entries: Box<[Entry]>,
    taken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The hash. What has the same is nearly always the same, and need not be asked.
    tag: u32,
    /// [`NONE`] where nothing stands.
    number: u32,
}

/// No number.
pub(crate) const NONE: u32 = u32::MAX;

const EMPTY: Entry = Entry { tag: 0, number: NONE };

/// The entries of the smallest table.
const LEAST: usize = 64;

impl Default for Index {
    fn default() -> Self {
        Self { entries: vec![EMPTY; LEAST].into(), taken: 0 }
    }
}

impl Index {
    /// Asks for the memory where a search for the tag begins.
    #[inline(always)]
    pub(crate) fn prefetch(&self, tag: u32) {
        prefetch_start(&self.entries[self.home(tag)]);
    }

    /// The first number under that tag of which `is_its` says yes.
    #[inline(always)]
    pub(crate) fn find(&self, tag: u32, is_its: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(tag, is_its).map(|at| self.entries[at].number)
    }

    /// Puts one in that is not there.
    #[inline]
    pub(crate) fn insert(&mut self, tag: u32, number: u32) {
        if (self.taken + 1) * 8 > self.entries.len() * 5 {
            self.grow();
        }
        self.taken += 1;
        self.put(Entry { tag, number });
    }

    /// What has this number has another one from now on; nothing happens where it is not there.
    pub(crate) fn replace(&mut self, tag: u32, number: u32, by: u32) {
        if let Some(at) = self.place(tag, |its| its == number) {
            self.entries[at].number = by;
        }
    }

    /// Takes out what has this number. What was put behind its place because that was taken moves up, so that no search ends
    /// too early.
    #[inline]
    pub(crate) fn remove(&mut self, tag: u32, number: u32) {
        let mut gap = self.place(tag, |its| its == number).expect("what is taken out is there");
        self.taken -= 1;
        let mut at = self.next(gap);
        while self.entries[at].number != NONE {
            // It may stand in the gap unless that lies before the place where its search begins.
            let home = self.home(self.entries[at].tag);
            if self.steps(home, at) >= self.steps(gap, at) {
                self.entries[gap] = self.entries[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.entries[gap] = EMPTY;
    }

    #[inline(always)]
    fn place(&self, tag: u32, is_its: impl Fn(u32) -> bool) -> Option<usize> {
        let mut at = self.home(tag);
        loop {
            let entry = self.entries[at];
            if entry.number == NONE {
                return None;
            }
            if entry.tag == tag && is_its(entry.number) {
                return Some(at);
            }
            at = self.next(at);
        }
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.home(entry.tag);
        while self.entries[at].number != NONE {
            at = self.next(at);
        }
        self.entries[at] = entry;
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![EMPTY; self.entries.len() * 2].into();
        let all = std::mem::replace(&mut self.entries, larger);
        all.iter().filter(|entry| entry.number != NONE).for_each(|&entry| self.put(entry));
    }

    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.entries.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }

    /// How far it is from one place to another, onward and over the end.
    fn steps(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.entries.len() - 1)
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
                }
                prop_assert_eq!(index.taken, model.len());
                let standing = index.entries.iter().filter(|entry| entry.number != NONE).count();
                prop_assert_eq!(standing, model.len());
            }
            prop_assert_eq!(index.find(7, |_| true), None);
        }
    }
}
