//! What enrichment promises, as tables and laws.

use events::{Hit, Kind, Text, Timestamp, Uuid};

use super::*;

mod agents;
mod channels;
mod laws;
mod origins;
mod paths;

/// A hit with what enrichment reads, on a site that is named by no host.
fn hit<'a>(url: impl Into<Option<&'a str>>, referrer: Option<&'a str>, user_agent: Option<&'a str>) -> Hit<'a> {
    Hit {
        hit_id: Uuid::nil(),
        site: Text::from("main"),
        visitor_id: None,
        user_id: None,
        kind: Kind::PageView,
        event_time: Timestamp::from_millis(0),
        url: url.into().map(Text::from),
        title: None,
        referrer: referrer.map(Text::from),
        language: None,
        screen: None,
        user_agent: user_agent.map(Text::from),
        country: None,
        region: None,
        is_plain: false,
    }
}

fn origin_of<'h>(hit: &'h Hit<'_>) -> Origin<'h> {
    let mut enricher = Enricher::new();
    let derived = enricher.derive(hit);
    enricher.origin(&derived.origin).clone()
}

/// The origin of one visit.
fn origin(url: &str, referrer: &str) -> Origin<'static> {
    origin_of(&hit(url, Some(referrer), None)).into_owned()
}
