//! What a session has from its first hit in event time: where the visitor came from, and where the visitor is.

use std::sync::Arc;

use events::{Hit, Text};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::emit;
use crate::enrich::{self, Agent, Channel};
use crate::pages::{put_varint, take_varint};

/// All that a session has from its first hit.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) origin: Arc<Packed>,
    pub(crate) agent: Arc<Agent>,
    pub(crate) place: Arc<Packed>,
}

/// Where a session's first hit came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) referrer: Option<&'a str>,
    pub(crate) source: Option<&'a str>,
    pub(crate) medium: Option<&'a str>,
    pub(crate) campaign: Option<&'a str>,
    pub(crate) term: Option<&'a str>,
    pub(crate) content: Option<&'a str>,
    /// `None` came from within the site: the session counts as direct.
    pub(crate) channel: Option<Channel>,
}

/// Where the visitor of a session's first hit is, and with what screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) country: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) language: Option<&'a str>,
    pub(crate) screen: Option<&'a str>,
}

/// The most of a referrer that a session keeps, in bytes; the edge takes no longer ones.
const MAX_REFERRER_BYTES: usize = 4096;

/// The most of a country, region, language or screen that a session keeps, in bytes.
const MAX_PLACE_BYTES: usize = 128;

/// The beginning of a text, cut between two characters.
pub(crate) fn bounded(text: &str, most: usize) -> &str {
    if text.len() <= most { text } else { &text[..text.floor_char_boundary(most)] }
}

impl<'a> Origin<'a> {
    /// The origin of a hit.
    pub(crate) fn of(hit: &'a Hit<'_>, from: &'a enrich::Origin<'_>) -> Self {
        Self {
            referrer: hit.referrer.as_deref().map(|referrer| bounded(referrer, MAX_REFERRER_BYTES)),
            source: from.source.as_deref(),
            medium: from.medium.as_deref(),
            campaign: from.campaign.as_deref(),
            term: from.term.as_deref(),
            content: from.content.as_deref(),
            channel: from.channel,
        }
    }

    fn texts(&self) -> [Option<&'a str>; 7] {
        let channel = self.channel.map(Channel::as_str);
        [self.referrer, self.source, self.medium, self.campaign, self.term, self.content, channel]
    }
}

impl<'a> Place<'a> {
    /// The place of a hit.
    pub(crate) fn of(hit: &'a Hit<'_>) -> Self {
        fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
            text.as_deref().map(|text| bounded(text, MAX_PLACE_BYTES))
        }
        Self {
            country: text(&hit.country),
            region: text(&hit.region),
            language: text(&hit.language),
            screen: text(&hit.screen),
        }
    }
}

/// An origin or a place, as sessions share it.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Texts that may be absent: each with its length and one more, 0 for none.
    texts: Box<[u8]>,
    /// The fields of a session's record that follow from them, but for the referrer: written once for all
    /// sessions that share them.
    json: Box<[u8]>,
}

impl Packed {
    /// What was packed as an origin.
    pub(crate) fn origin(&self) -> Origin<'_> {
        let [referrer, source, medium, campaign, term, content, channel] = self.texts();
        let channel = channel.and_then(Channel::parse);
        Origin { referrer, source, medium, campaign, term, content, channel }
    }

    /// What was packed as a place.
    pub(crate) fn place(&self) -> Place<'_> {
        let [country, region, language, screen] = self.texts();
        Place { country, region, language, screen }
    }

    /// Of an origin `,"source":"google",…,"channel":"organic_search"`; of a place `,"country":"DE",…`.
    pub(crate) fn json(&self) -> &[u8] {
        &self.json
    }

    /// Of an origin: the referrer, which is too often another one, and too long, to be kept twice.
    pub(crate) fn referrer(&self) -> Option<&[u8]> {
        let mut rest = &self.texts[..];
        let len = take_varint(&mut rest).checked_sub(1)?;
        Some(&rest[..len as usize])
    }

    fn texts<const N: usize>(&self) -> [Option<&str>; N] {
        let mut rest = &self.texts[..];
        std::array::from_fn(|_| {
            let len = take_varint(&mut rest).checked_sub(1)? as usize;
            let (text, tail) = rest.split_at(len);
            rest = tail;
            Some(std::str::from_utf8(text).expect("it was put in as text"))
        })
    }
}

/// How many origins, and how many places, are kept for sharing. More than that are simply not shared.
const MOST_SHARED: usize = 16 * 1024;

/// Origins and places that several sessions share. What is shared changes no result.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    origins: Pool,
    places: Pool,
}

impl Shared {
    /// The origin, shared with others where it is the same.
    pub(crate) fn origin(&mut self, origin: &Origin<'_>) -> Arc<Packed> {
        self.origins.share(origin.texts(), || emit::origin_json(origin))
    }

    /// The place, shared with others where it is the same.
    pub(crate) fn place(&mut self, place: &Place<'_>) -> Arc<Packed> {
        let texts = [place.country, place.region, place.language, place.screen];
        self.places.share(texts, || emit::place_json(place))
    }
}

#[derive(Debug, Default)]
struct Pool {
    known: HashTable<Arc<Packed>>,
    packing: Vec<u8>,
    /// With a full pool: how many unknown ones pass before it is swept again, so that a flood of different ones
    /// costs no sweep each.
    until_sweep: usize,
}

impl Pool {
    fn share<const N: usize>(&mut self, texts: [Option<&str>; N], json: impl FnOnce() -> Vec<u8>) -> Arc<Packed> {
        let Self { known, packing, until_sweep } = self;
        packing.clear();
        for text in texts {
            put_varint(packing, text.map_or(0, |text| text.len() as u64 + 1));
            packing.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        let hash = xxh3_64(packing);
        if let Some(packed) = known.find(hash, |packed| *packed.texts == **packing) {
            return Arc::clone(packed);
        }
        let packed = Arc::new(Packed { texts: packing.as_slice().into(), json: json().into_boxed_slice() });
        if known.len() >= MOST_SHARED {
            if *until_sweep == 0 {
                known.retain(|packed| Arc::strong_count(packed) > 1);
                *until_sweep = MOST_SHARED;
            }
            *until_sweep -= 1;
        }
        if known.len() < MOST_SHARED {
            known.insert_unique(hash, Arc::clone(&packed), |packed| xxh3_64(&packed.texts));
        }
        packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_shared_and_read_back() {
        let mut shared = Shared::default();
        let place = Place { country: Some("DE"), region: None, language: Some(""), screen: Some("1920x1080") };
        let packed = shared.place(&place);
        assert!(Arc::ptr_eq(&packed, &shared.place(&place)));
        let found = packed.place();
        assert_eq!(
            (found.country, found.region, found.language, found.screen),
            (Some("DE"), None, Some(""), place.screen)
        );
    }

    #[test]
    fn a_full_pool_makes_room_for_what_is_in_use() {
        let mut pool = Pool::default();
        for number in 0..3 * MOST_SHARED {
            pool.share([Some(number.to_string().as_str())], Vec::new);
        }
        assert!(pool.known.len() <= MOST_SHARED);
        let one = pool.share([Some("one")], Vec::new);
        assert!(Arc::ptr_eq(&one, &pool.share([Some("one")], Vec::new)));
    }
}
