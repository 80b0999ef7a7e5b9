//! A bounded memory of what was asked lately.

use std::mem;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Answers by the text that was asked for, in two generations: when the young one is full it becomes the old one, and what
/// the old one held is forgotten unless it was asked for again in the meantime.
#[derive(Debug)]
pub(super) struct Recent<T> {
    young: Generation<T>,
    old: Generation<T>,
    max_generation_bytes: usize,
    /// What an entry costs beside its text.
    entry_bytes: usize,
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

impl<T> Recent<T> {
    pub(super) fn new(max_bytes: usize, entry_bytes: usize) -> Self {
        let (young, old) = (Generation::default(), Generation::default());
        Self { young, old, max_generation_bytes: max_bytes / 2, entry_bytes }
    }

    /// The answer for a text; `read` finds it where it is not known.
    #[inline]
    pub(super) fn get(&mut self, text: &str, read: impl FnOnce(&str) -> T) -> &T {
        let hash = xxh3_64(text.as_bytes());
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
        let bytes = self.entry_bytes + entry.text.len();
        if self.young.bytes + bytes > self.max_generation_bytes {
            self.old = mem::take(&mut self.young);
        }
        self.young.bytes += bytes;
        self.young.entries.insert_unique(entry.hash, entry, |entry| entry.hash).bucket_index()
    }
}
