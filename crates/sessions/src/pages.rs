//! The pages of an open session, packed into one buffer.
//!
//! Each page is a header (time, offset, two lengths as varints) and its texts; three ordinary pages take a bit
//! over a hundred bytes. They stand in order of arrival, which makes the state that is written append-only, and
//! are sorted when the session becomes final.

use events::{Offset, Timestamp};

/// The most pages that a session lists; the earliest ones.
pub(crate) const MAX_PAGES: usize = 100;

/// One page view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PageRef<'a> {
    pub(crate) time: Timestamp,
    pub(crate) offset: Offset,
    pub(crate) path: &'a str,
    pub(crate) title: Option<&'a str>,
}

impl PageRef<'_> {
    /// The order of pages: by time, and the lower offset first.
    pub(crate) fn order(&self) -> (Timestamp, Offset) {
        (self.time, self.offset)
    }
}

/// Packed pages in order of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    bytes: Vec<u8>,
    count: u8,
}

impl Pages {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.count)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = PageRef<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || (!rest.is_empty()).then(|| decode(&mut rest)))
    }

    /// Appends a page. The caller keeps to [`MAX_PAGES`].
    pub(crate) fn push(&mut self, page: PageRef<'_>) {
        debug_assert!(self.len() < MAX_PAGES);
        let need = 24 + page.path.len() + page.title.map_or(0, str::len);
        if self.bytes.capacity() - self.bytes.len() < need {
            // Growing by an eighth: most sessions stay short, and a million of them are kept at once.
            self.bytes.reserve_exact(need + self.bytes.len() / 8);
        }
        encode(&mut self.bytes, page);
        self.count += 1;
    }

    /// Puts a page in the place of the one with that index, so that no other page moves to another place.
    pub(crate) fn replace(&mut self, index: usize, page: PageRef<'_>) {
        let mut rest = &self.bytes[..];
        for _ in 0..index {
            decode(&mut rest);
        }
        let from = self.bytes.len() - rest.len();
        decode(&mut rest);
        let to = self.bytes.len() - rest.len();
        let mut encoded = Vec::new();
        encode(&mut encoded, page);
        self.bytes.splice(from..to, encoded);
    }

    /// The index and order of the page that comes last.
    pub(crate) fn last(&self) -> Option<(usize, (Timestamp, Offset))> {
        self.iter().map(|page| page.order()).enumerate().max_by_key(|&(_, order)| order)
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

fn encode(out: &mut Vec<u8>, page: PageRef<'_>) {
    out.extend_from_slice(&page.time.as_millis().to_le_bytes());
    put_varint(out, page.offset.0 as u64);
    put_varint(out, page.path.len() as u64);
    put_varint(out, page.title.map_or(0, |title| title.len() as u64 + 1));
    out.extend_from_slice(page.path.as_bytes());
    out.extend_from_slice(page.title.unwrap_or_default().as_bytes());
}

fn decode<'a>(rest: &mut &'a [u8]) -> PageRef<'a> {
    let time = i64::from_le_bytes(take(rest, 8).try_into().expect("eight bytes were taken"));
    let offset = take_varint(rest) as i64;
    let path_len = take_varint(rest) as usize;
    let title_len = take_varint(rest) as usize;
    let path = text(take(rest, path_len));
    let title = title_len.checked_sub(1).map(|len| text(take(rest, len)));
    PageRef { time: Timestamp::from_millis(time), offset: Offset(offset), path, title }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (head, tail) = rest.split_at(len);
    *rest = tail;
    head
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the buffer holds what was put in as text")
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
        let byte = take(rest, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(time: i64, path: &str) -> PageRef<'_> {
        PageRef {
            time: Timestamp::from_millis(time),
            offset: Offset(time + 1000),
            path,
            title: (time % 2 == 0).then_some("t"),
        }
    }

    #[test]
    fn pages_keep_their_place_when_one_is_replaced() {
        let mut pages = Pages::default();
        for (time, path) in [(5, "/a"), (-7, "/long/path"), (6, "")] {
            pages.push(page(time, path));
        }
        assert_eq!(pages.last().map(|(index, _)| index), Some(2));
        pages.replace(1, page(3, "/b"));
        assert_eq!(pages.iter().collect::<Vec<_>>(), [page(5, "/a"), page(3, "/b"), page(6, "")]);
    }

    #[test]
    fn three_ordinary_pages_are_small() {
        let mut pages = Pages::default();
        (0..3).for_each(|n| pages.push(page(n * 30_000, "/products/1234")));
        assert!(pages.heap_bytes() < 120, "{}", pages.heap_bytes());
    }
}
