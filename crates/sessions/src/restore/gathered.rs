//! What the state topic holds of each session, as its records come.
//!
//! Chunks hardly ever change once they are full, so they are read when they come, into the form in which the session keeps them. The
//! session's own record changes with each checkpoint: the newest version alone is read, at the end.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::changes::List;
use crate::pages::Packed;
use crate::state::chunks::{self, Chunk, IdChunk};
use crate::state::lists::{read_ids, read_pages};

/// The sessions and stubs of a partition, by `site/visitor_id/session_id`.
#[derive(Debug)]
pub(super) struct Sessions {
    table: HashTable<Gathered>,
    /// Visitors' names come from outside, as in [`crate::store::Store`].
    seed: u64,
    /// Where the pages of a chunk are packed.
    room: Vec<u8>,
}

/// What is known of one.
#[derive(Debug)]
pub(super) struct Gathered {
    hash: u64,
    pub(super) key: Box<[u8]>,
    /// Its own record, as it came last.
    pub(super) node: Option<Box<[u8]>>,
    pub(super) ids: Chunks<IdChunk>,
    pub(super) pages: Chunks<Packed>,
}

/// The chunks of a list, by number.
#[derive(Debug)]
pub(super) struct Chunks<T>(Vec<Option<Result<T, String>>>);

/// What a key names, if it is a session's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part<'a> {
    /// A session's own record.
    Node(&'a [u8]),
    /// A chunk of the session.
    Chunk(&'a [u8], u16),
    /// The same of one list alone, as formats 1 and 2 had it.
    List(&'a [u8], List, u16),
}

impl<'a> Part<'a> {
    /// Sites and visitors hold no slash: the number of parts tells what a key is.
    pub(super) fn of(key: &'a [u8]) -> Option<Self> {
        let mut slashes = memchr::memchr_iter(b'/', key);
        let (_, _) = (slashes.next()?, slashes.next()?);
        let Some(third) = slashes.next() else { return Some(Self::Node(key)) };
        let number = |digits| std::str::from_utf8(digits).ok()?.parse().ok();
        let Some(fourth) = slashes.next() else { return Some(Self::Chunk(&key[..third], number(&key[third + 1..])?)) };
        let list = match &key[third + 1..fourth] {
            b"ids" => List::Ids,
            b"pages" => List::Pages,
            _ => return None,
        };
        Some(Self::List(&key[..third], list, number(&key[fourth + 1..])?))
    }

    fn session(self) -> &'a [u8] {
        match self {
            Self::Node(key) | Self::Chunk(key, _) | Self::List(key, _, _) => key,
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { table: HashTable::default(), seed: std::hash::RandomState::new().hash_one(0), room: Vec::new() }
    }
}

impl Sessions {
    /// Takes a record; `None` is a tombstone.
    pub(super) fn take(&mut self, part: Part<'_>, value: Option<&[u8]>) {
        let key = part.session();
        let hash = xxh3_64_with_seed(key, self.seed);
        let is_it = |gathered: &Gathered| gathered.hash == hash && *gathered.key == *key;
        let mut entry = match (self.table.entry(hash, is_it, |gathered| gathered.hash), value) {
            (Entry::Occupied(entry), _) => entry,
            (Entry::Vacant(_), None) => return,
            (Entry::Vacant(place), Some(_)) => place.insert(Gathered {
                hash,
                key: key.into(),
                node: None,
                ids: Chunks(Vec::new()),
                pages: Chunks(Vec::new()),
            }),
        };
        let gathered = entry.get_mut();
        match part {
            Part::Node(_) => gathered.set_node(value),
            Part::Chunk(_, number) => gathered.set_chunk(number, value, &mut self.room),
            Part::List(_, List::Ids, number) => gathered.ids.set(number, value.map(read_ids)),
            Part::List(_, List::Pages, number) => {
                gathered.pages.set(number, value.map(|value| read_pages(value, &mut self.room)));
            }
        }
        if value.is_none() && gathered.is_gone() {
            entry.remove();
        }
    }

    pub(super) fn into_all(mut self) -> impl Iterator<Item = Gathered> {
        // Each is freed when it was looked at: what it becomes needs the room.
        std::mem::take(&mut self.table).into_iter()
    }
}

impl Gathered {
    /// The newest version. Most are as long as the one before, or a little longer: then no memory is asked for.
    fn set_node(&mut self, value: Option<&[u8]>) {
        match (&mut self.node, value) {
            (Some(old), Some(new)) if old.len() == new.len() => old.copy_from_slice(new),
            (node, new) => *node = new.map(Into::into),
        }
    }

    fn set_chunk(&mut self, number: u16, value: Option<&[u8]>, room: &mut Vec<u8>) {
        let (ids, pages) = match value.map(|value| chunks::read(value, room)) {
            None => (None, None),
            Some(Ok(Chunk { ids, pages })) => (Some(Ok(ids)), pages.map(Ok)),
            Some(Err(why)) => (Some(Err(why.clone())), Some(Err(why))),
        };
        self.ids.set(number, ids);
        self.pages.set(number, pages);
    }

    fn is_gone(&self) -> bool {
        self.node.is_none() && self.ids.is_empty() && self.pages.is_empty()
    }
}

impl<T> Chunks<T> {
    fn set(&mut self, number: u16, chunk: Option<Result<T, String>>) {
        let at = usize::from(number);
        if chunk.is_none() && at >= self.0.len() {
            return;
        }
        if at >= self.0.len() {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = chunk;
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The first so many, in order; else the number of the first that is missing or cannot be read, and why.
    pub(super) fn first(&self, count: usize) -> Result<impl Iterator<Item = &T>, (usize, String)> {
        for number in 0..count {
            match self.0.get(number) {
                Some(Some(Ok(_))) => {}
                Some(Some(Err(why))) => return Err((number, why.clone())),
                Some(None) | None => return Err((number, "it is missing".to_owned())),
            }
        }
        Ok(self.0[..count].iter().filter_map(|chunk| chunk.as_ref()?.as_ref().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_what_it_is() {
        assert_eq!(Part::of(b"a.example/v/id"), Some(Part::Node(b"a.example/v/id")));
        assert_eq!(Part::of(b"a.example/v/id/12"), Some(Part::Chunk(b"a.example/v/id", 12)));
        assert_eq!(Part::of(b"a.example/v/id/ids/12"), Some(Part::List(b"a.example/v/id", List::Ids, 12)));
        assert_eq!(Part::of(b"a.example/v/id/pages/0"), Some(Part::List(b"a.example/v/id", List::Pages, 0)));
        for other in [
            "#partition",
            "#late/0",
            "a.example/~id",
            "a/b/c/d",
            "a/b/c/70000",
            "a/b/c/d/0",
            "a/b/c/ids/x",
            "a/b/c/ids/70000",
        ] {
            assert_eq!(Part::of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_has_no_record_left_takes_no_room() {
        let mut sessions = Sessions::default();
        let (node, chunk) = (Part::of(b"a/b/c").unwrap(), Part::of(b"a/b/c/1").unwrap());
        sessions.take(node, Some(b"{}"));
        sessions.take(chunk, Some(b"?"));
        sessions.take(node, None);
        assert_eq!(sessions.table.len(), 1);
        sessions.take(chunk, None);
        sessions.take(chunk, None);
        assert_eq!(sessions.table.len(), 0);
    }
}
