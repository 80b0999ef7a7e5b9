//! The visitor's key and the pages of an open session, packed into one buffer: with a million sessions open, each
//! allocation more costs sixteen bytes a session and a cache miss a hit.
//!
//! Each page is a header (time, lengths, offset: see [`coded`]) and its texts; three ordinary pages take about a
//! hundred bytes. They stand in order of arrival, which makes the state that is written append-only, and are
//! sorted when the session becomes final.

use events::{Offset, Timestamp};

use crate::prefetch::{prefetch, prefetch_start};

mod coded;
mod packed;

pub(crate) use coded::encoded_len;
use coded::{decode, encode};
#[cfg(test)]
pub(crate) use packed::Page;
pub(crate) use packed::{Packed, Packing};

/// The most pages that a session lists; the earliest ones.
pub(crate) const MAX_PAGES: usize = 100;

/// The most of a path that a list of pages keeps, in bytes: a hundred of them fit into one record.
pub(crate) const MAX_PATH_BYTES: usize = 1024;

/// The most of a title that a list of pages keeps, in bytes.
pub(crate) const MAX_TITLE_BYTES: usize = 256;

/// One page view. The texts are UTF-8; as bytes they need no check each time that they are taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PageRef<'a> {
    pub(crate) time: Timestamp,
    pub(crate) offset: Offset,
    pub(crate) path: &'a [u8],
    pub(crate) title: Option<&'a [u8]>,
}

impl PageRef<'_> {
    /// The order of pages: by time, and the lower offset first.
    pub(crate) fn order(&self) -> (Timestamp, Offset) {
        (self.time, self.offset)
    }
}

/// A key, and pages in order of arrival. The key's length (two bytes) with [`UNORDERED`] and a byte with the number of pages
/// and [`PLAIN`] come first.
#[derive(Debug)]
pub(crate) struct KeyAndPages(Vec<u8>);

/// Where the upper byte of the key's length stands.
const LEN_AT: usize = 1;
/// Where the number of pages stands.
const COUNT_AT: usize = 2;
/// Where the key begins.
const KEY_AT: usize = 3;
/// Beside the number of pages: it is known that no text needs an escape in JSON.
const PLAIN: u8 = 0x80;
/// Beside the key's length: it is not known that the pages stand in their order.
const UNORDERED: u8 = 0x80;

impl KeyAndPages {
    /// A key (`site/visitor_id`, 257 bytes at most), and room for so many bytes of pages.
    pub(crate) fn new(key: &[u8], room: usize) -> Self {
        let mut texts = Self::absent();
        texts.make_room(Self::need(key, room));
        texts.put_key(key, false);
        texts
    }

    /// Nothing, until a key is put in.
    pub(crate) const fn absent() -> Self {
        Self(Vec::new())
    }

    /// Takes memory for so many bytes. What was there is gone.
    pub(crate) fn make_room(&mut self, need: usize) {
        self.move_to(Vec::with_capacity(fitting(need)));
    }

    /// Goes on in memory that another one has left (see [`Self::into_room`]). What was there is gone.
    #[inline(always)]
    pub(crate) fn move_to(&mut self, room: Vec<u8>) {
        self.0 = room;
    }

    /// Begins anew with a key. `is_plain`: it is known that it needs no escape in JSON.
    #[inline(always)]
    pub(crate) fn put_key(&mut self, key: &[u8], is_plain: bool) {
        let len = u16::try_from(key.len()).expect("sites and visitors have at most 128 characters");
        let [low, high] = len.to_le_bytes();
        self.0.clear();
        self.0.extend_from_slice(&[low, high, if is_plain { PLAIN } else { 0 }]);
        self.0.extend_from_slice(key);
    }

    /// How much memory a key and so many bytes of pages take.
    pub(crate) fn need(key: &[u8], room: usize) -> usize {
        KEY_AT + key.len() + room
    }

    /// The memory that it leaves.
    pub(crate) fn into_room(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.0[KEY_AT..self.pages_at()]
    }

    /// Bytes of the key and the pages.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Asks for both ends: the key, and where a page will be appended.
    #[inline(always)]
    pub(crate) fn prefetch_ends(&self) {
        if let [first, .., last] = &self.0[..] {
            prefetch_start(first);
            prefetch_start(last);
        }
    }

    /// Asks for all of it.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.0[..]);
    }

    /// How many pages there are.
    pub(crate) fn page_count(&self) -> usize {
        usize::from(self.0[COUNT_AT] & !PLAIN)
    }

    /// Whether it is known that neither the key nor a page needs an escape in JSON.
    pub(crate) fn is_plain(&self) -> bool {
        self.0[COUNT_AT] & PLAIN != 0
    }

    /// Something comes of which that is not known.
    pub(crate) fn forget_plain(&mut self) {
        self.0[COUNT_AT] &= !PLAIN;
    }

    /// Whether it is known that the pages stand in their order, [`PageRef::order`].
    pub(crate) fn is_ordered(&self) -> bool {
        self.0[LEN_AT] & UNORDERED == 0
    }

    /// A page comes that may belong before another one.
    pub(crate) fn forget_order(&mut self) {
        self.0[LEN_AT] |= UNORDERED;
    }

    fn pages_at(&self) -> usize {
        KEY_AT + usize::from(u16::from_le_bytes([self.0[0], self.0[LEN_AT] & !UNORDERED]))
    }

    pub(crate) fn pages(&self) -> impl Iterator<Item = PageRef<'_>> {
        let mut rest = &self.0[self.pages_at()..];
        std::iter::from_fn(move || (!rest.is_empty()).then(|| decode(&mut rest)))
    }

    /// Appends a page. The caller keeps to [`MAX_PAGES`].
    pub(crate) fn push(&mut self, page: PageRef<'_>) {
        debug_assert!(self.page_count() < MAX_PAGES);
        let need = self.0.len() + encoded_len(page);
        if self.0.capacity() < need {
            self.grow(need);
        }
        encode(&mut self.0, page);
        self.0[COUNT_AT] += 1;
    }

    /// Makes room for so many bytes. The second page makes room for a third: most sessions that see it end there or much
    /// later. Taking new memory and giving the old back is half of the work of having the old enlarged.
    #[cold]
    fn grow(&mut self, need: usize) {
        let more = (need - self.pages_at()) / 2;
        let before = std::mem::replace(&mut self.0, Vec::with_capacity(fitting(need + more)));
        self.0.extend_from_slice(&before);
    }

    /// Makes room for so many bytes more.
    pub(crate) fn reserve(&mut self, more: usize) {
        let need = self.0.len() + more;
        if self.0.capacity() < need {
            self.0.reserve_exact(fitting(need) - self.0.len());
        }
    }

    /// Hands all out and keeps nothing.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::absent())
    }

    /// Keeps the first so many pages; it has as many. With none it takes no more memory than a key.
    pub(crate) fn truncate(&mut self, count: usize) {
        if count == 0 && self.page_count() > 0 {
            *self = Self::new(self.key(), 0);
        } else if count < self.page_count() {
            let mut rest = &self.0[self.pages_at()..];
            for _ in 0..count {
                decode(&mut rest);
            }
            self.0.truncate(self.0.len() - rest.len());
            self.0[COUNT_AT] = count as u8 | self.0[COUNT_AT] & PLAIN;
        }
    }

    /// Appends pages that were packed before. The caller keeps to [`MAX_PAGES`].
    pub(crate) fn append(&mut self, pages: &Packed) {
        debug_assert!(self.page_count() + pages.count() <= MAX_PAGES);
        self.reserve(pages.len());
        self.0.extend_from_slice(pages.bytes());
        self.0[COUNT_AT] += pages.count() as u8;
    }

    /// Puts a page in the place of the one with that index, so that no other page moves to another place.
    pub(crate) fn replace(&mut self, index: usize, page: PageRef<'_>) {
        let mut rest = &self.0[self.pages_at()..];
        for _ in 0..index {
            decode(&mut rest);
        }
        let from = self.0.len() - rest.len();
        decode(&mut rest);
        let to = self.0.len() - rest.len();
        let mut encoded = Vec::new();
        encode(&mut encoded, page);
        self.0.splice(from..to, encoded);
    }

    /// The index and order of the page that comes last.
    pub(crate) fn last(&self) -> Option<(usize, (Timestamp, Offset))> {
        self.pages().map(|page| page.order()).enumerate().max_by_key(|&(_, order)| order)
    }

    /// Hands all out, and keeps no key until one is put in, in this memory where it is as large as the key needs.
    #[inline(always)]
    pub(crate) fn leave(&mut self, room: Option<Vec<u8>>) -> Self {
        let size = fitting(Self::need(self.key(), 0));
        let room = match room {
            Some(room) if room.capacity() == size => room,
            _ => Vec::with_capacity(size),
        };
        Self(std::mem::replace(&mut self.0, room))
    }
}

/// The capacity for so many bytes: no more than allocators round up to anyway, because most sessions stay short,
/// and a million of them are kept at once.
fn fitting(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16) - 8
}

#[cfg(test)]
mod tests;
