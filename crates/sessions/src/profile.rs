//! What a session has from its first hit in event time: where the visitor came from, and where the visitor is.

mod pool;

use events::{Hit, Text};

use crate::emit;
use crate::enrich::{self, Agent, Agents, Came, Channel, Enricher};
use crate::numbered::Number;
use pool::Pool;
pub(crate) use pool::{Packed, Texts};

/// All that a session has from its first hit, by number: origin and place in [`Shared`], the agent in [`Agents`]. The session
/// holds each; who takes the profile from it gives it back with [`Shared::release`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) origin: Number,
    pub(crate) agent: Number,
    pub(crate) place: Number,
}

/// What a profile's numbers stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portrait<'a> {
    pub(crate) origin: &'a Packed,
    pub(crate) agent: &'a Agent,
    pub(crate) place: &'a Packed,
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
    /// The origin of a hit with this referrer.
    pub(crate) fn of(referrer: Option<&'a str>, from: &'a enrich::Origin<'_>) -> Self {
        Self {
            referrer: referrer.map(|referrer| bounded(referrer, MAX_REFERRER_BYTES)),
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

    /// Packs it ahead, for many sessions that will share it.
    pub(crate) fn pack(&self) -> Texts {
        Texts::of(self.texts())
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

/// Origins and places that several sessions share. What is shared changes no result.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    origins: Pool,
    places: Pool,
}

impl Shared {
    /// The origin of a session whose first hit has this referrer and came so, for one holder more.
    pub(crate) fn origin_of(&mut self, referrer: Option<&str>, came: &Came<'_>, enricher: &Enricher) -> Number {
        let origin = Origin::of(referrer, enricher.origin(came));
        match came {
            &Came::Elsewhere(number) => {
                self.origins.share(enricher.elsewhere(number).packed(), || emit::origin_json(&origin))
            }
            Came::Within | Came::Campaign(_) => self.origin(&origin),
        }
    }

    /// The origin, shared with others where it is the same, for one holder more.
    pub(crate) fn origin(&mut self, origin: &Origin<'_>) -> Number {
        self.origins.pack_and_share(origin.texts(), || emit::origin_json(origin))
    }

    /// The place, shared with others where it is the same, for one holder more.
    pub(crate) fn place(&mut self, place: &Place<'_>) -> Number {
        let texts = [place.country, place.region, place.language, place.screen];
        self.places.pack_and_share(texts, || emit::place_json(place))
    }

    /// What a session's profile stands for.
    #[inline]
    pub(crate) fn portrait<'a>(&'a self, profile: Profile, agents: &'a Agents) -> Portrait<'a> {
        let Profile { origin, agent, place } = profile;
        Portrait { origin: self.origins.all.get(origin), agent: agents.get(agent), place: self.places.all.get(place) }
    }

    /// Whether no session has any.
    #[cfg(test)]
    pub(crate) fn is_each_held_once(&self) -> bool {
        self.origins.all.is_each_held_once() && self.places.all.is_each_held_once()
    }

    /// A session is no more, or has another profile.
    #[inline]
    pub(crate) fn release(&mut self, profile: Profile, agents: &mut Agents) {
        let Profile { origin, agent, place } = profile;
        self.origins.all.release(origin);
        agents.release(agent);
        self.places.all.release(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_shared_and_read_back() {
        let mut shared = Shared::default();
        let place = Place { country: Some("DE"), region: None, language: Some(""), screen: Some("1920x1080") };
        let number = shared.place(&place);
        assert_eq!(number, shared.place(&place));
        let found = shared.places.all.get(number).place();
        assert_eq!(
            (found.country, found.region, found.language, found.screen),
            (Some("DE"), None, Some(""), place.screen)
        );
    }

    #[test]
    fn an_origin_that_was_packed_ahead_is_the_same() {
        let mut shared = Shared::default();
        let from = enrich::Origin { source: Some("google".into()), ..Default::default() };
        let origin = Origin::of(Some("https://www.google.com/"), &from);
        let packed = shared.origins.share(&origin.pack(), || emit::origin_json(&origin));
        assert_eq!(packed, shared.origin(&origin));
    }
}
