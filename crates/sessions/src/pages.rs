//! The visitor's key and the pages of an open session, packed into one buffer: with a million sessions open, each
//! allocation more costs sixteen bytes a session and a cache miss a hit.
//!
//! Each page is a header (time, lengths, offset: see [`encode`]) and its texts; three ordinary pages take about a
//! hundred bytes. They stand in order of arrival, which makes the state that is written append-only, and are
//! sorted when the session becomes final.

use events::{Offset, Timestamp};

use crate::prefetch::{prefetch, prefetch_start};

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
        debug_assert!(self.page_count() + usize::from(pages.count) <= MAX_PAGES);
        self.reserve(pages.len());
        self.0.extend_from_slice(&pages.bytes);
        self.0[COUNT_AT] += pages.count;
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

/// A page by itself: time, offset, path, title.
#[cfg(test)]
pub(crate) type Page = (i64, i64, Vec<u8>, Option<Vec<u8>>);

/// Pages without a key: what a chunk of the state becomes when it is read.
#[derive(Debug)]
pub(crate) struct Packed {
    bytes: Box<[u8]>,
    count: u8,
}

/// Pages that are being packed, in memory that serves the next ones, too: a restore packs millions, and memory that is taken
/// and given back between pieces that stay leaves gaps.
pub(crate) struct Packing<'r> {
    bytes: &'r mut Vec<u8>,
    count: u8,
}

impl<'r> Packing<'r> {
    pub(crate) fn within(room: &'r mut Vec<u8>) -> Self {
        room.clear();
        Self { bytes: room, count: 0 }
    }

    pub(crate) fn push(&mut self, page: PageRef<'_>) {
        encode(self.bytes, page);
        self.count += 1;
    }

    /// In as many bytes as are needed and no more.
    pub(crate) fn packed(self) -> Packed {
        Packed { bytes: self.bytes.as_slice().into(), count: self.count }
    }
}

impl Packed {
    /// These pages.
    pub(crate) fn of(pages: &[PageRef<'_>]) -> Self {
        let mut room = Vec::new();
        let mut packing = Packing::within(&mut room);
        pages.iter().for_each(|&page| packing.push(page));
        packing.packed()
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.count.into()
    }

    /// Bytes that the pages take.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The pages, to be compared.
    #[cfg(test)]
    pub(crate) fn listed(&self) -> Vec<Page> {
        let mut rest = &self.bytes[..];
        let page = |page: PageRef<'_>| {
            (page.time.as_millis(), page.offset.0, page.path.to_vec(), page.title.map(<[u8]>::to_vec))
        };
        std::iter::from_fn(|| (!rest.is_empty()).then(|| page(decode(&mut rest)))).collect()
    }
}

/// The capacity for so many bytes: no more than allocators round up to anyway, because most sessions stay short,
/// and a million of them are kept at once.
fn fitting(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16) - 8
}

/// How long [`encode`] makes a page, or a few bytes more.
pub(crate) fn encoded_len(page: PageRef<'_>) -> usize {
    let texts = page.path.len() + page.title.map_or(0, <[u8]>::len);
    // The header is written at its full length before it is cut to its own.
    (OFFSET_AT + bytes_of(page.offset)).max(HEAD_LEN - texts.min(HEAD_LEN)) + texts
}

/// Where the lengths stand in a page's header, behind seven bytes of time.
const LENGTHS_AT: usize = 7;
/// Where the offset stands.
const OFFSET_AT: usize = 10;
/// The longest header.
const HEAD_LEN: usize = 18;
/// Bits of the path's length, which is at most [`MAX_PATH_BYTES`].
const PATH_BITS: u32 = 11;
/// Bits of the title's length and one more, 0 for none; it is at most [`MAX_TITLE_BYTES`].
const TITLE_BITS: u32 = 10;

/// Appends a page: seven bytes of time, three of lengths (path 11 bits, title 10, offset 3), as many of the offset as it
/// needs, path, title; little-endian. Every part is one write or read of eight bytes, where varints took a loop each:
/// 435 instructions a page to write and read it against 160.
fn encode(out: &mut Vec<u8>, page: PageRef<'_>) {
    let title_len = page.title.map_or(0, |title| title.len() as u32 + 1);
    debug_assert!(page.path.len() < 1 << PATH_BITS && title_len < 1 << TITLE_BITS);
    let offset_len = bytes_of(page.offset);
    let lengths = page.path.len() as u32 | title_len << PATH_BITS | (offset_len as u32 - 1) << (PATH_BITS + TITLE_BITS);
    let mut head = [0; HEAD_LEN];
    head[..8].copy_from_slice(&page.time.as_millis().to_le_bytes());
    head[LENGTHS_AT..LENGTHS_AT + 4].copy_from_slice(&lengths.to_le_bytes());
    head[OFFSET_AT..].copy_from_slice(&page.offset.0.to_le_bytes());
    let start = out.len();
    out.extend_from_slice(&head);
    out.truncate(start + OFFSET_AT + offset_len);
    out.extend_from_slice(page.path);
    out.extend_from_slice(page.title.unwrap_or_default());
}

/// How many bytes an offset takes; one at least.
fn bytes_of(offset: Offset) -> usize {
    (71 - (offset.0 as u64 | 1).leading_zeros() as usize) / 8
}

fn decode<'a>(rest: &mut &'a [u8]) -> PageRef<'a> {
    let word = |at: usize| u64::from_le_bytes(*rest[at..].first_chunk().expect("a page that was put in ends"));
    let time = (word(0) << 8) as i64 >> 8;
    // Eight bytes that end with the lengths: there are always as many before them.
    let lengths = (word(OFFSET_AT - 8) >> 40) as u32;
    let path_len = lengths as usize & ((1 << PATH_BITS) - 1);
    let title_len = (lengths >> PATH_BITS) as usize & ((1 << TITLE_BITS) - 1);
    let offset_len = (lengths >> (PATH_BITS + TITLE_BITS)) as usize + 1;
    let texts_at = OFFSET_AT + offset_len;
    let offset = word(texts_at - 8) >> (64 - 8 * offset_len);
    let texts = &rest[texts_at..];
    let (path, texts) = texts.split_at(path_len);
    let (title, tail) = texts.split_at(title_len.saturating_sub(1));
    *rest = tail;
    PageRef {
        time: Timestamp::from_millis(time),
        offset: Offset(offset as i64),
        path,
        title: (title_len > 0).then_some(title),
    }
}

/// LEB128, as in Protocol Buffers.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The inverse of [`put_varint`].
pub(crate) fn take_varint(rest: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, tail) = rest.split_first().expect("a varint that was put in ends");
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests;
