//! Where each visitor's sessions are found, by the hash of the visitor's key.
//!
//! A table of our own and not a library's for one thing: where an entry stands is known from the hash alone, so that all
//! lookups of a run may wait for memory together, with no branch between them that has to be foretold. An entry goes
//! without leaving a mark, so that a table in which as many come as go is never cleaned.

use super::NO_SLOT;
use crate::prefetch::prefetch_start;

/// Open addressing, one entry after the other (linear probing): eight of them are one line of a processor's cache.
#[derive(Debug)]
pub(super) struct Heads {
    /// A power of two of them, of which at most five eighths are taken.
    entries: Box<[Head]>,
    taken: usize,
}

/// A visitor's place in the table: one of its nodes.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Who has the same is nearly always the same visitor, and the node need not be asked.
    tag: u32,
    /// [`NO_SLOT`] where nobody stands.
    slot: u32,
}

const EMPTY: Head = Head { tag: 0, slot: NO_SLOT };

/// The entries of the smallest table.
const LEAST: usize = 64;

impl Default for Heads {
    fn default() -> Self {
        Self { entries: vec![EMPTY; LEAST].into(), taken: 0 }
    }
}

impl Heads {
    /// Asks for the memory where a search for the tag begins.
    #[inline(always)]
    pub(super) fn prefetch(&self, tag: u32) {
        prefetch_start(&self.entries[self.home(tag)]);
    }

    /// The first slot under that tag of which `is_its` says yes.
    #[inline(always)]
    pub(super) fn find(&self, tag: u32, is_its: impl Fn(u32) -> bool) -> Option<u32> {
        self.place(tag, is_its).map(|at| self.entries[at].slot)
    }

    /// Puts a visitor in that is not there.
    #[inline]
    pub(super) fn insert(&mut self, tag: u32, slot: u32) {
        if (self.taken + 1) * 8 > self.entries.len() * 5 {
            self.grow();
        }
        self.taken += 1;
        self.put(Head { tag, slot });
    }

    /// The visitor that is found at this slot is found at another one from now on; nothing happens where none is.
    pub(super) fn replace(&mut self, tag: u32, slot: u32, by: u32) {
        if let Some(at) = self.place(tag, |its| its == slot) {
            self.entries[at].slot = by;
        }
    }

    /// Takes the visitor out that is found at this slot. What was put behind its place because that was taken moves up, so
    /// that no search ends too early.
    #[inline]
    pub(super) fn remove(&mut self, tag: u32, slot: u32) {
        let mut gap = self.place(tag, |its| its == slot).expect("a visitor's only node is the head");
        self.taken -= 1;
        let mut at = self.next(gap);
        while self.entries[at].slot != NO_SLOT {
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
            let head = self.entries[at];
            if head.slot == NO_SLOT {
                return None;
            }
            if head.tag == tag && is_its(head.slot) {
                return Some(at);
            }
            at = self.next(at);
        }
    }

    fn put(&mut self, head: Head) {
        let mut at = self.home(head.tag);
        while self.entries[at].slot != NO_SLOT {
            at = self.next(at);
        }
        self.entries[at] = head;
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![EMPTY; self.entries.len() * 2].into();
        let all = std::mem::replace(&mut self.entries, larger);
        all.iter().filter(|head| head.slot != NO_SLOT).for_each(|&head| self.put(head));
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
            let (mut heads, mut model) = (Heads::default(), BTreeMap::<u32, u32>::new());
            for (step, tag, slot) in steps {
                match (step, model.get(&slot).copied()) {
                    (0, Some(tag)) => {
                        heads.remove(tag, slot);
                        model.remove(&slot);
                    }
                    (1, Some(tag)) if !model.contains_key(&(slot + 300)) => {
                        heads.replace(tag, slot, slot + 300);
                        model.remove(&slot);
                        model.insert(slot + 300, tag);
                    }
                    (_, None) => {
                        heads.insert(tag, slot);
                        model.insert(slot, tag);
                    }
                    _ => {}
                }
                for (&slot, &tag) in &model {
                    prop_assert_eq!(heads.find(tag, |its| its == slot), Some(slot));
                }
                prop_assert_eq!(heads.taken, model.len());
                let standing = heads.entries.iter().filter(|head| head.slot != NO_SLOT).count();
                prop_assert_eq!(standing, model.len());
            }
            prop_assert_eq!(heads.find(7, |_| true), None);
        }
    }
}
