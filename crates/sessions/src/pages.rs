//! The visitor's key and the pages of an open session, packed into one buffer: with a million sessions open, each
//! allocation more costs sixteen bytes a session and a cache miss a hit.
//!
//! Each page is a header (time, offset, two lengths as varints) and its texts; three ordinary pages take about a
//! hundred bytes. They stand in order of arrival, which makes the state that is written append-only, and are
//! sorted when the session becomes final.

use events::{Offset, Timestamp};

/// The most pages that a session lists; the earliest ones.
pub(crate) const MAX_PAGES: usize = 100;

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

/// A key, and pages in order of arrival. The key's length (two bytes) and the number of pages (one) come first.
#[derive(Debug)]
pub(crate) struct KeyAndPages(Vec<u8>);

/// Where the key begins.
const KEY_AT: usize = 3;

impl KeyAndPages {
    /// A key (`site/visitor_id`, 257 bytes at most), and room for so many bytes of pages.
    pub(crate) fn new(key: &[u8], room: usize) -> Self {
        let len = u16::try_from(key.len()).expect("sites and visitors have at most 128 characters");
        let mut bytes = Vec::with_capacity(fitting(KEY_AT + key.len() + room));
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.push(0);
        bytes.extend_from_slice(key);
        Self(bytes)
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.0[KEY_AT..self.pages_at()]
    }

    /// How many pages there are.
    pub(crate) fn page_count(&self) -> usize {
        usize::from(self.0[2])
    }

    fn pages_at(&self) -> usize {
        KEY_AT + usize::from(u16::from_le_bytes([self.0[0], self.0[1]]))
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
            self.0.reserve_exact(fitting(need) - self.0.len());
        }
        encode(&mut self.0, page);
        self.0[2] += 1;
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

    /// Keeps the key alone.
    pub(crate) fn forget_pages(&mut self) {
        self.0.truncate(self.pages_at());
        self.0[2] = 0;
        self.0.shrink_to_fit();
    }
}

/// The capacity for so many bytes: no more than allocators round up to anyway, because most sessions stay short,
/// and a million of them are kept at once.
fn fitting(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(32) - 8
}

/// How long [`encode`] makes a page, or a few bytes more.
pub(crate) fn encoded_len(page: PageRef<'_>) -> usize {
    let head = varint_len(zigzag(page.time.as_millis())) + varint_len(page.offset.0 as u64) + 4;
    head + page.path.len() + page.title.map_or(0, <[u8]>::len)
}

fn encode(out: &mut Vec<u8>, page: PageRef<'_>) {
    let mut head = Head { bytes: [0; 40], len: 0 };
    head.put(zigzag(page.time.as_millis()));
    head.put(page.offset.0 as u64);
    head.put(page.path.len() as u64);
    head.put(page.title.map_or(0, |title| title.len() as u64 + 1));
    out.extend_from_slice(&head.bytes[..head.len]);
    out.extend_from_slice(page.path);
    out.extend_from_slice(page.title.unwrap_or_default());
}

/// Four varints of ten bytes at most.
struct Head {
    bytes: [u8; 40],
    len: usize,
}

impl Head {
    fn put(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes[self.len] = value as u8 | 0x80;
            self.len += 1;
            value >>= 7;
        }
        self.bytes[self.len] = value as u8;
        self.len += 1;
    }
}

fn decode<'a>(rest: &mut &'a [u8]) -> PageRef<'a> {
    let time = take_varint(rest);
    let time = (time >> 1) as i64 ^ -((time & 1) as i64);
    let offset = take_varint(rest) as i64;
    let path_len = take_varint(rest) as usize;
    let title_len = take_varint(rest) as usize;
    let path = take(rest, path_len);
    let title = title_len.checked_sub(1).map(|len| take(rest, len));
    PageRef { time: Timestamp::from_millis(time), offset: Offset(offset), path, title }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (head, tail) = rest.split_at(len);
    *rest = tail;
    head
}

/// Small numbers of either sign as small numbers without one, as in Protocol Buffers.
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(time: i64, path: &str) -> PageRef<'_> {
        PageRef {
            time: Timestamp::from_millis(time),
            offset: Offset(time + 1000),
            path: path.as_bytes(),
            title: (time % 2 == 0).then_some(b"t"),
        }
    }

    #[test]
    fn pages_keep_their_place_when_one_is_replaced() {
        let mut pages = KeyAndPages::new(b"site/visitor", 0);
        for (time, path) in [(5, "/a"), (-7, "/long/path"), (6, "")] {
            pages.push(page(time, path));
        }
        assert_eq!(pages.last().map(|(index, _)| index), Some(2));
        pages.replace(1, page(3, "/b"));
        assert_eq!(pages.pages().collect::<Vec<_>>(), [page(5, "/a"), page(3, "/b"), page(6, "")]);
        assert_eq!((pages.key(), pages.page_count()), (&b"site/visitor"[..], 3));
        pages.forget_pages();
        assert_eq!((pages.key(), pages.pages().count(), pages.page_count()), (&b"site/visitor"[..], 0, 0));
    }

    #[test]
    fn a_key_and_three_ordinary_pages_are_small() {
        let mut pages = KeyAndPages::new(b"shop.example/v0123456789ab", 0);
        (0..3).for_each(|n| pages.push(page(1_793_577_600_000 + n * 30_000, "/products/1234")));
        assert!(pages.0.capacity() < 128, "{}", pages.0.capacity());
    }

    proptest! {
        #[test]
        fn a_page_takes_no_more_than_was_reserved(time: i64, offset in 0i64.., len in 0usize..300) {
            let text = vec![b'x'; len];
            let page = PageRef { time: Timestamp::from_millis(time), offset: Offset(offset), path: &text, title: Some(&text) };
            let mut encoded = Vec::new();
            encode(&mut encoded, page);
            prop_assert!(encoded.len() <= encoded_len(page));
            prop_assert_eq!(decode(&mut &encoded[..]), page);
        }
    }
}
