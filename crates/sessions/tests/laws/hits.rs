//! What each hit of a log tells by itself, for the model to decide which hit counts.

use std::collections::BTreeMap;

use events::Hit;
use sessions::enrich::{Channel, Enricher};

use super::logs::Log;
use super::model::{Details, Visit};
use super::records::Record;

/// What the hits tell, by their offsets: their own words, and what enrichment makes of them. Enrichment is a function of
/// one hit and has tests of its own.
pub(crate) fn details(log: &Log, records: &[Record]) -> BTreeMap<i64, Details> {
    let mut enricher = Enricher::with_cache_bytes(1 << 16);
    let hits = records.iter().filter_map(|record| Some((record, log.says.get(&record.offset)?)));
    hits.map(|(record, says)| {
        let mut details = says.details();
        enrich(&mut details.visit, &Hit::parse(&record.value).unwrap(), &mut enricher);
        (record.offset, details)
    })
    .collect()
}

fn enrich(visit: &mut Visit, hit: &Hit<'_>, enricher: &mut Enricher) {
    enricher.make_room();
    let derived = enricher.derive(hit);
    let (origin, agent) = (enricher.origin(&derived.origin).clone().into_owned(), enricher.agent(derived.agent));
    visit.source = origin.source.map(Into::into);
    visit.medium = origin.medium.map(Into::into);
    visit.campaign = origin.campaign.map(Into::into);
    visit.term = origin.term.map(Into::into);
    visit.content = origin.content.map(Into::into);
    // A session that begins within the site counts as direct.
    visit.channel = origin.channel.unwrap_or(Channel::Direct).as_str().to_owned();
    visit.browser = agent.browser.as_deref().map(str::to_owned);
    visit.os = agent.os.as_deref().map(str::to_owned);
    visit.device = Some(agent.device.as_str().to_owned());
    visit.is_bot = agent.is_bot;
}
