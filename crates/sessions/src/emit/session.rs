//! The JSON of a final session, written straight from the node.
//!
//! It is [`events::Session`]'s JSON to the byte, and the tests hold it to that. Going through that type copied
//! every text and wrote every byte twice.

use std::cmp::Reverse;

use events::ClosedBy;
use memchr::memchr;

use super::fields::Fields;
use crate::enrich::Channel;
use crate::node::FinalSession;
use crate::pages::{KeyAndPages, PageRef};
use crate::profile::{Origin, Place};

/// A record of the topic `sessions`.
pub(crate) fn session(out: &mut Vec<u8>, session: &FinalSession, partition: u32) {
    let open = &session.open;
    let rare = open.rare.as_deref();
    let overflow = rare.and_then(|rare| rare.overflow.as_ref());
    let mut fields = Fields(out);
    fields.fixed((b"{\"session_id\":\"", session.session_id, b"\",\"schema\":\"session/1\",\"site\":"));
    let (site, visitor_id) = split(session.texts.key());
    // Visible ASCII, which may be a quote.
    let is_plain = session.texts.is_plain();
    fields.utf8("", site, is_plain);
    fields.utf8(",\"visitor_id\":", visitor_id, is_plain);
    fields.maybe_text(",\"user_id\":", rare.and_then(|rare| rare.user.as_ref()).map(|(_, _, user)| &**user));
    let span = (b",\"start\":\"", session.start, (b"\",\"end\":\"", session.end, b"\",\"duration_ms\":"));
    fields.fixed(span);
    fields.integer("", (session.end - session.start).as_millis().unsigned_abs());
    fields.integer(",\"hit_count\":", session.hits as u64);
    fields.integer(",\"pageview_count\":", open.pageviews.into());
    fields.integer(",\"event_count\":", open.events.into());
    fields.flag(",\"is_bounce\":", open.pageviews == 1 && open.events == 0);
    fields.integer(",\"engaged_ms\":", open.engaged_ms);
    let Ends { entry, exit } = pages(&mut fields, &session.texts);
    fields.flag(",\"pages_truncated\":", overflow.is_some());
    if let Some(entry) = entry {
        fields.utf8(",\"entry_page\":", entry.path, is_plain);
    }
    if let Some(overflow) = overflow {
        fields.utf8(",\"exit_page\":", &overflow.exit.2, false);
    } else if let Some(exit) = exit {
        fields.utf8(",\"exit_page\":", exit.path, is_plain);
    }
    if let Some(referrer) = open.profile.origin.referrer() {
        fields.utf8(",\"referrer\":", referrer, false);
    }
    fields.raw(open.profile.origin.json());
    fields.raw(open.profile.agent.json());
    fields.raw(open.profile.place.json());
    fields.raw(match open.refused_by.unwrap_or(session.by) {
        ClosedBy::Gap => b",\"closed_by\":\"gap\"",
        ClosedBy::MaxDuration => b",\"closed_by\":\"max_duration\"",
        ClosedBy::MaxHits => b",\"closed_by\":\"max_hits\"",
        ClosedBy::EndOfInput => b",\"closed_by\":\"end_of_input\"",
    });
    fields.flag(",\"is_split\":", open.is_split);
    fields.raw(b",\"merged_ids\":[");
    for (index, &id) in rare.map_or(&[][..], |rare| &rare.merged_ids).iter().enumerate() {
        fields.raw(if index == 0 { b"" } else { b"," });
        fields.fixed((b"\"", id, b"\""));
    }
    fields.raw(b"]");
    fields.integer(",\"partition\":", partition.into());
    fields.offset(",\"first_offset\":", open.first_offset);
    fields.offset(",\"last_offset\":", open.last_offset);
    fields.fixed((b",\"closed_at\":\"", session.at, b"\"}"));
}

/// Site and visitor of a key `site/visitor_id`.
fn split(key: &[u8]) -> (&[u8], &[u8]) {
    let slash = memchr(b'/', key).expect("a visitor's key has a slash");
    (&key[..slash], &key[slash + 1..])
}

/// The part of a record that follows from where its first hit came from, but for the referrer.
pub(crate) fn origin_json(origin: &Origin<'_>) -> Vec<u8> {
    let mut json = Vec::new();
    let mut fields = Fields(&mut json);
    fields.maybe_text(",\"source\":", origin.source);
    fields.maybe_text(",\"medium\":", origin.medium);
    fields.maybe_text(",\"campaign\":", origin.campaign);
    fields.maybe_text(",\"term\":", origin.term);
    fields.maybe_text(",\"content\":", origin.content);
    fields.quoted(",\"channel\":", origin.channel.unwrap_or(Channel::Direct).as_str().as_bytes());
    json
}

/// The part of a record that follows from where its first hit's visitor was.
pub(crate) fn place_json(place: &Place<'_>) -> Vec<u8> {
    let mut json = Vec::new();
    let mut fields = Fields(&mut json);
    fields.maybe_text(",\"country\":", place.country);
    fields.maybe_text(",\"region\":", place.region);
    fields.maybe_text(",\"language\":", place.language);
    fields.maybe_text(",\"screen\":", place.screen);
    json
}

/// The first and the last of the listed pages.
struct Ends<'a> {
    entry: Option<PageRef<'a>>,
    /// The highest time; on a tie the lower offset.
    exit: Option<PageRef<'a>>,
}

/// Writes the pages in their order. They nearly always stand in it already; where a hit overtook another, what
/// was written is taken back.
fn pages<'a>(fields: &mut Fields<'_>, texts: &'a KeyAndPages) -> Ends<'a> {
    fields.raw(b",\"pages\":[");
    let (start, is_plain) = (fields.0.len(), texts.is_plain());
    let mut ends = Ends { entry: None, exit: None };
    let mut last = None;
    for page in texts.pages() {
        let order = Some(page.order());
        if order < last {
            fields.0.truncate(start);
            return sorted_pages(fields, texts);
        }
        // With equal times the lower offset is the exit.
        if ends.exit.is_none_or(|exit| page.time > exit.time) {
            ends.exit = Some(page);
        }
        ends.entry = ends.entry.or(Some(page));
        write_page(fields, page, last.is_none(), is_plain);
        last = order;
    }
    fields.raw(b"]");
    ends
}

fn sorted_pages<'a>(fields: &mut Fields<'_>, texts: &'a KeyAndPages) -> Ends<'a> {
    let mut pages: Vec<_> = texts.pages().collect();
    pages.sort_unstable_by_key(PageRef::order);
    for (index, &page) in pages.iter().enumerate() {
        write_page(fields, page, index == 0, texts.is_plain());
    }
    fields.raw(b"]");
    let exit = pages.iter().copied().max_by_key(|page| (page.time, Reverse(page.offset)));
    Ends { entry: pages.first().copied(), exit }
}

fn write_page(fields: &mut Fields<'_>, page: PageRef<'_>, is_first: bool, is_plain: bool) {
    fields.utf8(if is_first { "{\"path\":" } else { ",{\"path\":" }, page.path, is_plain);
    if let Some(title) = page.title {
        fields.utf8(",\"title\":", title, is_plain);
    }
    fields.fixed((b",\"time\":\"", page.time, b"\"}"));
}
