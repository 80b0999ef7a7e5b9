//! What the state topic holds of each session, as its records come.
//!
//! Chunks hardly ever change once they are full, so they are read when they come, into the form in which the session keeps them. The
//! session's own record changes with each checkpoint: the newest version alone is read, at the end.

use std::hash::BuildHasher;

use events::{Uuid, ids};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::lists::Lists;
use crate::changes::List;
use crate::index::{Index, NONE};
use crate::prefetch::prefetch;
use crate::state::chunks;
use crate::state::lists::{read_ids, read_pages};

/// How many records go through the steps of a look-up together.
const TOGETHER: usize = 16;

/// How many sessions before it is handed out a session's memory is asked for.
const AHEAD: usize = 4;

/// The sessions and stubs of a partition, by `site/visitor_id/session_id`.
#[derive(Debug)]
pub(super) struct Sessions {
    /// In the order in which they came; what is gone leaves an empty place.
    all: Vec<Option<Gathered>>,
    free: Vec<u32>,
    index: Index,
    /// Visitors' names come from outside, as in [`crate::store::Store`].
    seed: u64,
    /// Where the pages of a chunk are packed.
    room: Vec<u8>,
}

/// What is known of one.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) session_id: Uuid,
    /// Its own record, as it came last.
    pub(super) node: Option<Box<[u8]>>,
    /// Its visitor's key, and its full chunks.
    pub(super) lists: Lists,
}

/// A record on its way to its session.
#[derive(Debug)]
pub(super) struct Coming<'a> {
    name: Name<'a>,
    part: Part,
    /// `None` is a tombstone.
    value: Option<&'a [u8]>,
    tag: u32,
    /// Probably its session's number.
    hint: u32,
}

/// A session's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name<'a> {
    /// `site/visitor_id/session_id`.
    text: &'a [u8],
    visitor_key: &'a [u8],
    session_id: Uuid,
}

/// What a key names, if it is a session's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// A session's own record.
    Node,
    /// A chunk of the session.
    Chunk(u16),
    /// The same of one list alone, as formats 1 and 2 had it.
    List(List, u16),
}

impl Part {
    /// Sites and visitors hold no slash: the number of parts tells what a key is.
    pub(super) fn of(key: &[u8]) -> Option<(Name<'_>, Self)> {
        let mut slashes = memchr::memchr_iter(b'/', key);
        let (_, second) = (slashes.next()?, slashes.next()?);
        let Some(third) = slashes.next() else { return Some((Name::new(key, second)?, Self::Node)) };
        let number = |digits| std::str::from_utf8(digits).ok()?.parse().ok();
        let name = Name::new(&key[..third], second)?;
        let Some(fourth) = slashes.next() else { return Some((name, Self::Chunk(number(&key[third + 1..])?))) };
        let list = match &key[third + 1..fourth] {
            b"ids" => List::Ids,
            b"pages" => List::Pages,
            _ => return None,
        };
        Some((name, Self::List(list, number(&key[fourth + 1..])?)))
    }
}

impl<'a> Name<'a> {
    fn new(text: &'a [u8], slash: usize) -> Option<Self> {
        let id = &text[slash + 1..];
        let session_id = (id.len() == ids::UUID_TEXT_LEN).then(|| Uuid::try_parse_ascii(id).ok())??;
        Some(Self { text, visitor_key: &text[..slash], session_id })
    }
}

impl Default for Sessions {
    fn default() -> Self {
        let seed = std::hash::RandomState::new().hash_one(0);
        Self { all: Vec::new(), free: Vec::new(), index: Index::default(), seed, room: Vec::new() }
    }
}

impl Sessions {
    /// Takes records in that come one after the other. Of a million sessions nothing is near: a look-up goes from table to
    /// session to key and lists, and would wait for memory at each step; here each step asks for what the next one needs, for
    /// several records at once.
    pub(super) fn take<'a>(&mut self, records: impl Iterator<Item = (Name<'a>, Part, Option<&'a [u8]>)>) {
        let mut coming = Vec::with_capacity(TOGETHER);
        for (name, part, value) in records {
            let tag = xxh3_64_with_seed(name.text, self.seed) as u32;
            self.index.prefetch(tag);
            coming.push(Coming { name, part, value, tag, hint: NONE });
            if coming.len() == TOGETHER {
                self.take_together(&mut coming);
            }
        }
        self.take_together(&mut coming);
    }

    fn take_together(&mut self, coming: &mut Vec<Coming<'_>>) {
        for record in coming.iter_mut() {
            record.hint = self.index.first(record.tag);
            if let Some(gathered) = self.all.get(record.hint as usize) {
                prefetch(gathered);
            }
        }
        for record in coming.iter() {
            if let Some(Some(gathered)) = self.all.get(record.hint as usize) {
                gathered.prefetch(record.part);
            }
        }
        coming.drain(..).for_each(|record| self.take_one(&record));
    }

    fn take_one(&mut self, &Coming { name, part, value, tag, .. }: &Coming<'_>) {
        let is_it = |number: u32| self.all[number as usize].as_ref().is_some_and(|gathered| gathered.has(name));
        let number = match self.index.find(tag, is_it) {
            Some(number) => number,
            None if value.is_none() => return,
            None => self.insert(tag, name),
        };
        let place = &mut self.all[number as usize];
        let gathered = place.as_mut().expect("what is in the index stands");
        match part {
            Part::Node => gathered.set_node(value),
            Part::Chunk(number) => gathered.lists.set(number, value.map(|value| chunks::read(value, &mut self.room))),
            Part::List(List::Ids, number) => gathered.lists.set_ids(number, value.map(read_ids)),
            Part::List(List::Pages, number) => {
                gathered.lists.set_pages(number, value.map(|value| read_pages(value, &mut self.room)));
            }
        }
        if value.is_none() && gathered.node.is_none() && gathered.lists.is_empty() {
            *place = None;
            self.index.remove(tag, number);
            self.free.push(number);
        }
    }

    fn insert(&mut self, tag: u32, name: Name<'_>) -> u32 {
        let lists = Lists::new(name.visitor_key);
        let gathered = Some(Gathered { session_id: name.session_id, node: None, lists });
        let number = match self.free.pop() {
            Some(number) => {
                self.all[number as usize] = gathered;
                number
            }
            None => {
                self.all.push(gathered);
                u32::try_from(self.all.len() - 1).expect("four billion sessions do not fit into memory")
            }
        };
        self.index.insert(tag, number);
        number
    }

    /// Hands each out, in the order in which they came, and frees it when it was looked at: what it becomes needs the room.
    pub(super) fn each<E>(mut self, mut take: impl FnMut(Gathered) -> Result<(), E>) -> Result<(), E> {
        for at in 0..self.all.len() {
            if let Some(Some(later)) = self.all.get(at + AHEAD) {
                later.prefetch_whole();
            }
            if let Some(gathered) = self.all[at].take() {
                take(gathered)?;
            }
        }
        Ok(())
    }
}

impl Gathered {
    fn has(&self, name: Name<'_>) -> bool {
        self.session_id == name.session_id && *self.lists.key() == *name.visitor_key
    }

    /// Asks for what taking that part in needs.
    fn prefetch(&self, part: Part) {
        self.lists.prefetch();
        if part == Part::Node {
            self.node.iter().for_each(|node| prefetch(&**node));
        }
    }

    /// Asks for all of it.
    fn prefetch_whole(&self) {
        self.lists.prefetch_whole();
        self.node.iter().for_each(|node| prefetch(&**node));
    }

    /// The newest version. Most are as long as the one before, or a little longer: then no memory is asked for.
    fn set_node(&mut self, value: Option<&[u8]>) {
        match (&mut self.node, value) {
            (Some(old), Some(new)) if old.len() == new.len() => old.copy_from_slice(new),
            (node, new) => *node = new.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192f3a4-0000-8000-8000-00000000000a";

    fn part(rest: &str) -> Option<Part> {
        let key = format!("a.example/v/{ID}{rest}");
        let (name, part) = Part::of(key.as_bytes())?;
        assert_eq!((name.visitor_key, name.session_id), (&b"a.example/v"[..], ID.parse().unwrap()));
        assert_eq!(name.text, format!("a.example/v/{ID}").as_bytes());
        Some(part)
    }

    #[test]
    fn a_key_tells_what_it_is() {
        assert_eq!(part(""), Some(Part::Node));
        assert_eq!(part("/12"), Some(Part::Chunk(12)));
        assert_eq!(part("/ids/12"), Some(Part::List(List::Ids, 12)));
        assert_eq!(part("/pages/0"), Some(Part::List(List::Pages, 0)));
        for other in ["/d", "/70000", "/d/0", "/ids/x", "/ids/70000", "0"] {
            assert_eq!(part(other), None, "{other}");
        }
        for other in ["#partition", "#late/0", "a.example/~id", "a.example/v/id", "a.example/v/id/0"] {
            assert_eq!(Part::of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_has_no_record_left_takes_no_room() {
        let mut sessions = Sessions::default();
        let (one, other) = (format!("a/b/{ID}"), format!("a/c/{ID}"));
        let chunk = format!("{one}/1");
        let mut take = |key: &str, value: Option<&str>| {
            let (name, part) = Part::of(key.as_bytes()).unwrap();
            sessions.take([(name, part, value.map(str::as_bytes))].into_iter());
            (sessions.all.len(), sessions.free.len())
        };
        take(&one, Some("{}"));
        take(&chunk, Some("?"));
        assert_eq!(take(&one, None), (1, 0));
        take(&chunk, None);
        assert_eq!(take(&chunk, None), (1, 1));
        assert_eq!(take(&one, None), (1, 1));
        assert_eq!(take(&other, Some("{}")), (1, 0));
    }
}
