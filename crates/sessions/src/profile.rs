//! What a session has from its first hit in event time: where the visitor came from, and where the visitor is.

use std::sync::Arc;

use events::{Hit, Text};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::enrich::{self, Agent, Channel};
use crate::pages::{put_varint, take_varint};

/// All that a session has from its first hit.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) origin: Arc<Origin>,
    pub(crate) agent: Arc<Agent>,
    pub(crate) place: Place,
}

/// Where a session's first hit came from. Sessions that came alike share one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) referrer: Option<Box<str>>,
    pub(crate) source: Option<Box<str>>,
    pub(crate) medium: Option<Box<str>>,
    pub(crate) campaign: Option<Box<str>>,
    pub(crate) term: Option<Box<str>>,
    pub(crate) content: Option<Box<str>>,
    /// `None` came from within the site: the session counts as direct.
    pub(crate) channel: Option<Channel>,
}

/// The most of a referrer that a session keeps, in bytes; the edge takes no longer ones.
const MAX_REFERRER_BYTES: usize = 4096;

/// The most of a country, region, language or screen that a session keeps, in bytes.
const MAX_PLACE_BYTES: usize = 128;

/// The beginning of a text, cut between two characters.
pub(crate) fn bounded(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// How many origins are kept for sharing. More than that are simply not shared.
const SHARED_ORIGINS: usize = 16 * 1024;

/// Origins that several sessions share.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    shared: HashMap<Arc<Origin>, (), Xxh3DefaultBuilder>,
}

impl Origins {
    /// The origin of a hit, shared with others where it is the same. Pure: what is shared changes no result.
    pub(crate) fn of(&mut self, referrer: Option<&str>, from: &enrich::Origin<'_>) -> Arc<Origin> {
        let boxed = |text: Option<&str>| text.map(Into::into);
        self.share(Origin {
            referrer: boxed(referrer.map(|referrer| bounded(referrer, MAX_REFERRER_BYTES))),
            source: boxed(from.source.as_deref()),
            medium: boxed(from.medium.as_deref()),
            campaign: boxed(from.campaign.as_deref()),
            term: boxed(from.term.as_deref()),
            content: boxed(from.content.as_deref()),
            channel: from.channel,
        })
    }

    /// Shares an origin.
    pub(crate) fn share(&mut self, origin: Origin) -> Arc<Origin> {
        if let Some((known, ())) = self.shared.get_key_value(&origin) {
            return Arc::clone(known);
        }
        if self.shared.len() >= SHARED_ORIGINS {
            self.shared.retain(|origin, ()| Arc::strong_count(origin) > 1);
        }
        let origin = Arc::new(origin);
        if self.shared.len() < SHARED_ORIGINS {
            self.shared.insert(Arc::clone(&origin), ());
        }
        origin
    }
}

/// Country, region, language and screen of a session's first hit, packed into one allocation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Place(Box<[u8]>);

impl Place {
    pub(crate) fn new(fields: [Option<&str>; 4]) -> Self {
        let texts: usize = fields.iter().flatten().map(|text| text.len()).sum();
        let mut packed = Vec::with_capacity(texts + 4);
        for field in fields {
            put_varint(&mut packed, field.map_or(0, |text| text.len() as u64 + 1));
            packed.extend_from_slice(field.unwrap_or_default().as_bytes());
        }
        Self(packed.into_boxed_slice())
    }

    /// The place of a hit.
    pub(crate) fn of(hit: &Hit<'_>) -> Self {
        fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
            text.as_deref().map(|text| bounded(text, MAX_PLACE_BYTES))
        }
        Self::new([text(&hit.country), text(&hit.region), text(&hit.language), text(&hit.screen)])
    }

    /// Country, region, language, screen.
    pub(crate) fn fields(&self) -> [Option<&str>; 4] {
        let mut rest = &self.0[..];
        std::array::from_fn(|_| {
            if rest.is_empty() {
                return None;
            }
            let len = take_varint(&mut rest).checked_sub(1)? as usize;
            let (text, tail) = rest.split_at(len);
            rest = tail;
            Some(std::str::from_utf8(text).expect("it was put in as text"))
        })
    }
}
