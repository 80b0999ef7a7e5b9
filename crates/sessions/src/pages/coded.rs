//! The bytes of one page.

use events::{Offset, Timestamp};

use super::PageRef;

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
/// Bits of the path's length, which is at most [`super::MAX_PATH_BYTES`].
const PATH_BITS: u32 = 11;
/// Bits of the title's length and one more, 0 for none; it is at most [`super::MAX_TITLE_BYTES`].
const TITLE_BITS: u32 = 10;

/// Appends a page: seven bytes of time, three of lengths (path 11 bits, title 10, offset 3), as many of the offset as it
/// needs, path, title; little-endian. Every part is one write or read of eight bytes, where varints took a loop each:
/// 435 instructions a page to write and read it against 160.
pub(super) fn encode(out: &mut Vec<u8>, page: PageRef<'_>) {
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

pub(super) fn decode<'a>(rest: &mut &'a [u8]) -> PageRef<'a> {
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
