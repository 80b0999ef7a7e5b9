//! Chunks written and read by hand: a restore reads millions of them, and each has one form alone.
//!
//! What is in another form goes to serde, which knows what is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use events::decimal::write_decimal;
use events::{Offset, Timestamp};

use super::rest::Rest;
use super::{CHUNK, ChunkState, PageState};
use crate::pages::{MAX_PATH_BYTES, MAX_TITLE_BYTES, Packed, Packing, PageRef};
use crate::profile::bounded;

/// The ids of a full chunk.
pub(crate) type IdChunk = [u64; CHUNK];

/// A full chunk, as a session keeps it.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) ids: IdChunk,
    /// Absent where there are not as many.
    pub(crate) pages: Option<Packed>,
}

/// Bytes of the ids, and letters in base64 without padding.
const ID_BYTES: usize = 8 * CHUNK;
const LETTERS: usize = (ID_BYTES * 4).div_ceil(3);

const IDS: &str = "{\"ids\":\"";
const PAGES: &str = "\",\"pages\":[";

/// Time and offset of the page before; of the first one, what is more than nothing.
#[derive(Clone, Copy, Default)]
struct Before(i64, i64);

impl Before {
    /// What a page is more than the one before.
    fn step(&mut self, page: PageRef<'_>) -> (i64, i64) {
        let (time, offset) = (page.time.as_millis(), page.offset.0);
        let before = std::mem::replace(self, Self(time, offset));
        (time - before.0, offset - before.1)
    }

    /// The inverse; `None` where that leads beyond all numbers.
    fn add(&mut self, time: i64, offset: i64) -> Option<(Timestamp, Offset)> {
        *self = Self(self.0.checked_add(time)?, self.1.checked_add(offset)?);
        Some((Timestamp::from_millis(self.0), Offset(self.1)))
    }
}

/// Writes a chunk.
pub(crate) fn write<'a>(out: &mut Vec<u8>, ids: &[u64], pages: Option<impl Iterator<Item = PageRef<'a>>>) {
    let (mut bytes, mut letters) = ([0; ID_BYTES], [0; LETTERS]);
    bytes.chunks_exact_mut(8).zip(ids).for_each(|(place, id)| place.copy_from_slice(&id.to_be_bytes()));
    STANDARD_NO_PAD.encode_slice(bytes, &mut letters).expect("the ids of a chunk take that many letters");
    out.extend_from_slice(IDS.as_bytes());
    out.extend_from_slice(&letters);
    let Some(pages) = pages else { return out.extend_from_slice(b"\"}") };
    out.extend_from_slice(PAGES.as_bytes());
    let mut before = Before::default();
    for (at, page) in pages.enumerate() {
        out.extend_from_slice(if at == 0 { b"[" } else { b",[" });
        let (time, offset) = before.step(page);
        write_integer(out, time);
        out.push(b',');
        write_integer(out, offset);
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

/// Reads a chunk. What is in the room is overwritten.
pub(crate) fn read(value: &[u8], room: &mut Vec<u8>) -> Result<Chunk, String> {
    if let Some(chunk) = std::str::from_utf8(value).ok().and_then(|value| own(value, room)) {
        return Ok(chunk);
    }
    let state: ChunkState<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    let ids = own_ids(state.ids.as_bytes()).ok_or_else(|| format!("a chunk has {CHUNK} ids in base64"))?;
    let pages = state.pages.map(|pages| {
        let (mut packing, mut before) = (Packing::within(room), Before::default());
        for page in &pages {
            let (time, offset) =
                before.add(page.time.as_millis(), page.offset.0).ok_or("a page has no time or offset")?;
            packing.push(PageRef { time, offset, ..page.into() });
        }
        Ok::<_, String>(packing.packed())
    });
    Ok(Chunk { ids, pages: pages.transpose()? })
}

fn own(value: &str, room: &mut Vec<u8>) -> Option<Chunk> {
    let (letters, rest) = value.strip_prefix(IDS)?.split_at_checked(LETTERS)?;
    let ids = own_ids(letters.as_bytes())?;
    if rest == "\"}" {
        return Some(Chunk { ids, pages: None });
    }
    Some(Chunk { ids, pages: Some(own_pages(Rest(rest.strip_prefix(PAGES)?), room)?) })
}

fn own_ids(letters: &[u8]) -> Option<IdChunk> {
    // The decoder wants room for whole groups of three.
    let mut bytes = [0; ID_BYTES.next_multiple_of(3)];
    let len = STANDARD_NO_PAD.decode_slice(letters, &mut bytes).ok()?;
    let (all, _) = bytes[..len].as_chunks();
    let ids = all.iter().map(|&id| u64::from_be_bytes(id));
    let mut chunk = [0; CHUNK];
    chunk.iter_mut().zip(ids).for_each(|(place, id)| *place = id);
    (len == ID_BYTES).then_some(chunk)
}

fn own_pages(mut rest: Rest<'_>, room: &mut Vec<u8>) -> Option<Packed> {
    let (mut packing, mut before) = (Packing::within(room), Before::default());
    loop {
        rest.skip("[")?;
        let time = rest.integer()?;
        rest.skip(",")?;
        let (time, offset) = before.add(time, rest.integer()?)?;
        rest.skip(",")?;
        let path = rest.text().filter(|path| path.len() <= MAX_PATH_BYTES)?.as_bytes();
        let title = if rest.is(",") {
            Some(rest.text().filter(|title| title.len() <= MAX_TITLE_BYTES)?.as_bytes())
        } else {
            None
        };
        packing.push(PageRef { time, offset, path, title });
        rest.skip("]")?;
        if !rest.is(",") {
            return (rest.0 == "]}").then(|| packing.packed());
        }
    }
}

impl<'a> From<&'a PageState<'_>> for PageRef<'a> {
    fn from(page: &'a PageState<'_>) -> Self {
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
    use crate::pages::Page;

    fn listed(chunk: &Chunk) -> (IdChunk, Option<Vec<Page>>) {
        (chunk.ids, chunk.pages.as_ref().map(Packed::listed))
    }

    /// The same, read by serde alone.
    fn by_serde(value: &[u8]) -> (IdChunk, Option<Vec<Page>>) {
        let spaced = [b" ", value].concat();
        assert!(own(std::str::from_utf8(&spaced).unwrap(), &mut Vec::new()).is_none(), "by hand one form is read");
        listed(&read(&spaced, &mut Vec::new()).unwrap())
    }

    proptest! {
        /// What is written by hand is what serde writes, and both ways of reading read it.
        #[test]
        fn a_chunk_is_read_as_it_was_written(
            ids in prop::array::uniform16(any::<u64>()),
            pages in prop::option::of(prop::collection::vec(
                (-62_167_219_200_000i64..253_402_300_800_000, 0i64..i64::MAX / 8, "[ -~é\n]{0,20}", prop::option::of("[ -~é\n]{0,9}")),
                1..=CHUNK,
            )),
        ) {
            let refs = pages.as_ref().map(|pages| pages.iter().map(|(time, offset, path, title)| PageRef {
                time: Timestamp::from_millis(*time),
                offset: Offset(*offset),
                path: path.as_bytes(),
                title: title.as_deref().map(str::as_bytes),
            }));
            let mut written = Vec::new();
            write(&mut written, &ids, refs);
            let bytes = |text: &String| text.as_bytes().to_vec();
            let expected = pages.as_ref().map(|pages| {
                pages.iter().map(|(time, offset, path, title)| (*time, *offset, bytes(path), title.as_ref().map(bytes))).collect()
            });
            prop_assert_eq!(listed(&read(&written, &mut Vec::new()).unwrap()), (ids, expected));
            prop_assert_eq!(by_serde(&written), listed(&read(&written, &mut Vec::new()).unwrap()));
            let state: ChunkState<'_> = serde_json::from_slice(&written).unwrap();
            prop_assert_eq!(serde_json::to_vec(&state).unwrap(), written);
        }

        /// Whatever stands there, nothing panics, and what is read by hand serde reads alike.
        #[test]
        fn what_is_broken_is_said_to_be(
            letters in "A{171}|A{170}B|A{0,3}",
            tail in "\",\"pages\":\\[(\\[[0-9,\"\\\\a-]{0,12}\\],?){0,2}[\\]},]{0,3}|[\"}\\]]{0,3}",
        ) {
            let text = format!("{{\"ids\":\"{letters}{tail}");
            if let Some(by_hand) = own(&text, &mut Vec::new()) {
                prop_assert_eq!(listed(&by_hand), by_serde(text.as_bytes()));
            }
            let _ = read(text.as_bytes(), &mut Vec::new());
        }
    }

    #[test]
    fn a_chunk_has_one_form() {
        let page = |time, offset, path: &'static str| PageRef {
            time: Timestamp::from_millis(time),
            offset: Offset(offset),
            path: path.as_bytes(),
            title: None,
        };
        let mut written = Vec::new();
        write(
            &mut written,
            &[0x931c_b102_594c_755c; CHUNK],
            Some([page(1000, 7, "/a"), page(900, 9, "/b")].into_iter()),
        );
        let text = String::from_utf8(written).unwrap();
        assert!(text.starts_with(r#"{"ids":"kxyxAllMdVyTHLEC"#), "{text}");
        assert!(text.ends_with(r#"","pages":[[1000,7,"/a"],[-100,2,"/b"]]}"#), "{text}");
        assert_eq!(read(br#"{"ids":"kxyx"}"#, &mut Vec::new()).unwrap_err(), "a chunk has 16 ids in base64");
    }
}
