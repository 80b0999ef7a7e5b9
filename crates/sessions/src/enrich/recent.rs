//! A bounded memory of what was asked lately.

use std::mem;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::prefetch::prefetch;

/// Answers by the text that was asked for, in two generations: when the young one is full it becomes the old one, and what
/// the old one held is forgotten unless it was asked for again in the meantime. That happens in [`Recent::make_room`] alone:
/// between two calls of it no answer is forgotten.
#[derive(Debug)]
pub(super) struct Recent<T> {
    young: Generation<T>,
    old: Generation<T>,
    max_generation_bytes: usize,
    /// What an entry costs, by its text.
    cost: fn(&str) -> usize,
}

#[derive(Debug)]
struct Generation<T> {
    entries: HashTable<Entry<T>>,
    bytes: usize,
}

impl<T> Default for Generation<T> {
    fn default() -> Self {
        Self { entries: HashTable::new(), bytes: 0 }
    }
}

#[derive(Debug)]
struct Entry<T> {
    hash: u64,
    text: Box<str>,
    answer: T,
}

/// What a text is found by.
pub(super) fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

impl<T> Recent<T> {
    pub(super) fn new(max_bytes: usize, cost: fn(&str) -> usize) -> Self {
        let (young, old) = (Generation::default(), Generation::default());
        Self { young, old, max_generation_bytes: max_bytes / 2, cost }
    }

    /// Forgets what was not asked for in a long time, where the young generation is full.
    #[inline]
    pub(super) fn make_room(&mut self, forget: impl FnMut(T)) {
        if self.young.bytes > self.max_generation_bytes {
            let old = mem::replace(&mut self.old, mem::take(&mut self.young));
            old.entries.into_iter().map(|entry| entry.answer).for_each(forget);
        }
    }

    /// Where the answer for a text with that hash may stand: nearly always it does.
    #[inline]
    pub(super) fn place_of(&self, hash: u64) -> Option<usize> {
        self.young.entries.find_bucket_index(hash, |entry| entry.hash == hash)
    }

    /// Asks for what [`Recent::get_at`] will read there, and hands the answer out that may be the one.
    #[inline]
    pub(super) fn prefetch(&self, place: usize) -> Option<&T> {
        let Entry { text, answer, .. } = self.young.entries.get_bucket(place)?;
        prefetch(text.as_bytes());
        Some(answer)
    }

    /// [`Recent::get`] for who has the hash, and knows where the answer may stand.
    #[inline]
    pub(super) fn get_at(&mut self, place: Option<usize>, hash: u64, text: &str, read: impl FnOnce(&str) -> T) -> &T {
        let is_it = |&place: &usize| self.young.entries.get_bucket(place).is_some_and(|entry| *entry.text == *text);
        match place.filter(is_it) {
            Some(place) => &self.young.entries.get_bucket(place).expect("it was there a moment ago").answer,
            None => self.find(hash, text, read),
        }
    }

    /// The answer for a text; `read` finds it where it is not known.
    #[inline]
    pub(super) fn get(&mut self, text: &str, read: impl FnOnce(&str) -> T) -> &T {
        self.find(hash(text), text, read)
    }

    fn find(&mut self, hash: u64, text: &str, read: impl FnOnce(&str) -> T) -> &T {
        let is_it = |entry: &Entry<T>| entry.hash == hash && *entry.text == *text;
        let index = match self.young.entries.find_bucket_index(hash, is_it) {
            Some(index) => index,
            None => {
                let entry = match self.old.entries.find_entry(hash, is_it) {
                    Ok(found) => found.remove().0,
                    Err(_) => Entry { hash, text: text.into(), answer: read(text) },
                };
                self.keep(entry)
            }
        };
        &self.young.entries.get_bucket(index).expect("it was found or put there").answer
    }

    /// What both generations hold, by the estimate that bounds them.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.young.bytes + self.old.bytes
    }

    #[cold]
    fn keep(&mut self, entry: Entry<T>) -> usize {
        self.young.bytes += (self.cost)(&entry.text);
        self.young.entries.insert_unique(entry.hash, entry, |entry| entry.hash).bucket_index()
    }
}
