//! Chunks written and read by hand: a restore reads millions of them, and each has one form alone.
//!
//! What is in another form, that of format 1 or none, goes to serde, which knows what is wrong.

use events::decimal::write_decimal;
use events::{Offset, Timestamp};
use memchr::memchr2;

use super::forms::{DIGITS, fingerprint, write_fingerprint};
use super::{CHUNK, ChunkState};
use crate::pages::{MAX_PATH_BYTES, MAX_TITLE_BYTES, Packed, PageRef};
use crate::profile::bounded;

/// The ids of a full chunk.
pub(crate) type IdChunk = [u64; CHUNK];

const IDS: &[u8] = b"{\"ids\":\"";
const PAGES: &[u8] = b"{\"pages\":[";

/// Writes a chunk of ids.
pub(crate) fn write_ids(out: &mut Vec<u8>, ids: &[u64]) {
    out.extend_from_slice(IDS);
    ids.iter().for_each(|&id| write_fingerprint(out, id));
    out.extend_from_slice(b"\"}");
}

/// Writes a chunk of pages.
pub(crate) fn write_pages<'a>(out: &mut Vec<u8>, pages: impl Iterator<Item = PageRef<'a>>) {
    out.extend_from_slice(PAGES);
    for (at, page) in pages.enumerate() {
        out.extend_from_slice(if at == 0 { b"[" } else { b",[" });
        write_integer(out, page.time.as_millis());
        out.push(b',');
        write_integer(out, page.offset.0);
        for text in [Some(page.path), page.title].into_iter().flatten() {
            out.push(b',');
            events::text::write_json_str(out, std::str::from_utf8(text).expect("it was put in as text"));
        }
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
}

fn write_integer(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    write_decimal(out, number.unsigned_abs());
}

/// Reads a chunk of ids.
pub(crate) fn read_ids(value: &[u8]) -> Result<IdChunk, String> {
    if let Some(ids) = own_ids(value) {
        return Ok(ids);
    }
    match serde_json::from_slice(value) {
        Ok(ChunkState::Ids(ids)) => ids.0.try_into().map_err(|_| format!("a chunk has {CHUNK} ids")),
        Ok(ChunkState::Pages(_)) => Err("pages stand where ids belong".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn own_ids(value: &[u8]) -> Option<IdChunk> {
    let digits = value.strip_prefix(IDS)?.strip_suffix(b"\"}")?;
    if digits.len() != CHUNK * DIGITS {
        return None;
    }
    let mut ids = [0; CHUNK];
    for (id, digits) in ids.iter_mut().zip(digits.chunks_exact(DIGITS)) {
        *id = fingerprint(digits)?;
    }
    Some(ids)
}

/// Reads a chunk of pages.
pub(crate) fn read_pages(value: &[u8]) -> Result<Packed, String> {
    if let Some(pages) = std::str::from_utf8(value).ok().and_then(own_pages) {
        return Ok(pages);
    }
    match serde_json::from_slice(value) {
        Ok(ChunkState::Pages(pages)) => {
            let mut packed = Packed::with_room(value.len());
            pages.iter().for_each(|page| packed.push(page.into()));
            Ok(packed.fitting())
        }
        Ok(ChunkState::Ids(_)) => Err("ids stand where pages belong".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn own_pages(value: &str) -> Option<Packed> {
    let mut rest = value.as_bytes().strip_prefix(PAGES)?;
    // The form takes more room than what it is read into.
    let mut packed = Packed::with_room(rest.len());
    loop {
        rest = rest.strip_prefix(b"[")?;
        let time = Timestamp::from_millis(take_integer(&mut rest)?);
        rest = rest.strip_prefix(b",")?;
        let offset = Offset(take_integer(&mut rest)?);
        rest = rest.strip_prefix(b",")?;
        let path = take_text(&mut rest).filter(|path| path.len() <= MAX_PATH_BYTES)?;
        let title = match rest.strip_prefix(b",") {
            None => None,
            Some(tail) => {
                rest = tail;
                Some(take_text(&mut rest).filter(|title| title.len() <= MAX_TITLE_BYTES)?)
            }
        };
        packed.push(PageRef { time, offset, path, title });
        rest = rest.strip_prefix(b"]")?;
        match rest {
            [b',', tail @ ..] => rest = tail,
            b"]}" => return Some(packed.fitting()),
            _ => return None,
        }
    }
}

fn take_integer(rest: &mut &[u8]) -> Option<i64> {
    let (is_negative, digits) = match *rest {
        [b'-', tail @ ..] => (true, tail),
        all => (false, all),
    };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Eighteen digits fit. A zero in front is no JSON.
    if len == 0 || len > 18 || (digits[0] == b'0' && len > 1) {
        return None;
    }
    let number = digits[..len].iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    *rest = &digits[len..];
    Some(if is_negative { -number } else { number })
}

/// A text without escapes.
fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let inner = rest.strip_prefix(b"\"")?;
    let end = memchr2(b'"', b'\\', inner)?;
    let (text, tail) = inner.split_at(end);
    *rest = tail.strip_prefix(b"\"")?;
    Some(text)
}

impl<'a> From<&'a super::PageState<'_>> for PageRef<'a> {
    fn from(page: &'a super::PageState<'_>) -> Self {
        Self {
            time: page.time,
            offset: page.offset,
            path: bounded(&page.path, MAX_PATH_BYTES).as_bytes(),
            title: page.title.as_deref().map(|title| bounded(title, MAX_TITLE_BYTES).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pages::KeyAndPages;

    type Page = (i64, i64, Vec<u8>, Option<Vec<u8>>);

    fn listed(packed: &Packed) -> Vec<Page> {
        let mut pages = KeyAndPages::new(b"site/visitor", 0);
        pages.append(packed);
        let page = |page: PageRef<'_>| {
            (page.time.as_millis(), page.offset.0, page.path.to_vec(), page.title.map(<[u8]>::to_vec))
        };
        pages.pages().map(page).collect()
    }

    proptest! {
        /// What is written by hand is what serde writes, and both ways of reading read it.
        #[test]
        fn pages_are_read_as_they_were_written(
            pages in prop::collection::vec(
                (-62_167_219_200_000i64..253_402_300_800_000, 0i64..i64::MAX / 8, "[ -~é\n]{0,20}", prop::option::of("[ -~é\n]{0,9}")),
                1..=CHUNK,
            ),
        ) {
            let refs = || pages.iter().map(|(time, offset, path, title)| PageRef {
                time: Timestamp::from_millis(*time),
                offset: Offset(*offset),
                path: path.as_bytes(),
                title: title.as_deref().map(str::as_bytes),
            });
            let mut written = Vec::new();
            write_pages(&mut written, refs());
            let expected: Vec<_> =
                refs().map(|page| (page.time.as_millis(), page.offset.0, page.path.to_vec(), page.title.map(<[u8]>::to_vec))).collect();
            prop_assert_eq!(listed(&read_pages(&written).unwrap()), expected.clone());
            let Ok(ChunkState::Pages(states)) = serde_json::from_slice(&written) else { panic!("serde reads it, too") };
            let by_serde: Vec<_> = states.iter().map(PageRef::from).collect();
            prop_assert_eq!(by_serde, refs().collect::<Vec<_>>());
            prop_assert_eq!(serde_json::to_vec(&ChunkState::Pages(states)).unwrap(), written);
        }

        #[test]
        fn ids_are_read_as_they_were_written(ids in prop::array::uniform16(any::<u64>())) {
            let mut written = Vec::new();
            write_ids(&mut written, &ids);
            prop_assert_eq!(own_ids(&written), Some(ids));
            let Ok(ChunkState::Ids(read)) = serde_json::from_slice(&written) else { panic!("serde reads it, too") };
            prop_assert_eq!(&read.0[..], &ids[..]);
            prop_assert_eq!(serde_json::to_vec(&ChunkState::Ids(read)).unwrap(), written);
        }

        /// Whatever stands there, nothing panics, and what is read by hand serde reads alike.
        #[test]
        fn what_is_broken_is_said_to_be(text in "\\{\"pages\":\\[(\\[[0-9,\"\\\\a-]{0,12}\\],?){0,2}[\\]},]{0,3}") {
            let by_hand = own_pages(&text).map(|packed| listed(&packed));
            if let Some(by_hand) = by_hand {
                let Ok(ChunkState::Pages(states)) = serde_json::from_str(&text) else { panic!("{text}") };
                prop_assert_eq!(by_hand.len(), states.len());
            }
            let _ = read_pages(text.as_bytes());
            let _ = read_ids(text.as_bytes());
        }
    }

    #[test]
    fn both_formats_are_read() {
        let old = br#"{"pages":[{"time":"2026-11-02T00:00:01.000Z","offset":4,"path":"/products/0","title":"Shoes"},{"time":"2026-11-02T00:00:02.000Z","offset":5,"path":"/x"}]}"#;
        let new = br#"{"pages":[[1793577601000,4,"/products/0","Shoes"],[1793577602000,5,"/x"]]}"#;
        assert_eq!(listed(&read_pages(old).unwrap()), listed(&read_pages(new).unwrap()));
        let old = format!("{{\"ids\":[{}]}}", ["\"931cb102594c755c\""; CHUNK].join(","));
        assert_eq!(read_ids(old.as_bytes()).unwrap(), [0x931c_b102_594c_755c; CHUNK]);
        assert_eq!(read_ids(new), Err("pages stand where ids belong".to_owned()));
        assert_eq!(read_ids(br#"{"ids":"931cb102594c755c"}"#), Err("a chunk has 16 ids".to_owned()));
    }
}
