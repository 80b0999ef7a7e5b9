//! Chunks of one list alone, as formats 1 and 2 had them: `{"ids":…}` under `…/ids/0`, `{"pages":…}` under `…/pages/0`.
//!
//! They are only read: a session that changes is written anew in today's form.

use serde::Deserialize;

use super::chunks::IdChunk;
use super::{CHUNK, Fingerprints, PageState};
use crate::pages::{Packed, Packing, PageRef};

/// Sixteen entries of a list.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ListState<'a> {
    Ids(Fingerprints),
    #[serde(borrow)]
    Pages(Vec<PageState<'a>>),
}

/// Reads a chunk of ids.
pub(crate) fn read_ids(value: &[u8]) -> Result<IdChunk, String> {
    match serde_json::from_slice(value) {
        Ok(ListState::Ids(ids)) => ids.0.try_into().map_err(|_| format!("a chunk has {CHUNK} ids")),
        Ok(ListState::Pages(_)) => Err("pages stand where ids belong".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads a chunk of pages. What is in the room is overwritten.
pub(crate) fn read_pages(value: &[u8], room: &mut Vec<u8>) -> Result<Packed, String> {
    match serde_json::from_slice(value) {
        Ok(ListState::Pages(pages)) => {
            let mut packing = Packing::within(room);
            pages.iter().for_each(|page| packing.push(PageRef::from(page)));
            Ok(packing.packed())
        }
        Ok(ListState::Ids(_)) => Err("ids stand where pages belong".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        let old = br#"{"pages":[{"time":"2026-11-02T00:00:01.000Z","offset":4,"path":"/products/0","title":"Shoes"},{"time":"2026-11-02T00:00:02.000Z","offset":5,"path":"/x"}]}"#;
        let new = br#"{"pages":[[1793577601000,4,"/products/0","Shoes"],[1793577602000,5,"/x"]]}"#;
        let pages = |value| read_pages(value, &mut Vec::new()).unwrap().listed();
        assert_eq!(pages(old), pages(new));
        let old = format!("{{\"ids\":[{}]}}", ["\"931cb102594c755c\""; CHUNK].join(","));
        let newer = format!("{{\"ids\":\"{}\"}}", "931cb102594c755c".repeat(CHUNK));
        assert_eq!(read_ids(old.as_bytes()).unwrap(), [0x931c_b102_594c_755c; CHUNK]);
        assert_eq!(read_ids(newer.as_bytes()).unwrap(), [0x931c_b102_594c_755c; CHUNK]);
        assert_eq!(read_ids(new), Err("pages stand where ids belong".to_owned()));
        assert_eq!(read_ids(br#"{"ids":"931cb102594c755c"}"#), Err("a chunk has 16 ids".to_owned()));
    }
}
