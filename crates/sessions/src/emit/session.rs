//! The JSON of a final session, written straight from the node.
//!
//! It is [`events::Session`]'s JSON to the byte, and the tests hold it to that. Going through that type copied
//! every text and wrote every byte twice.

use events::ClosedBy;
use events::text::find_any;

use super::pen::{Pen, escaped, written};
use crate::enrich::Channel;
use crate::fragment::Fragment;
use crate::node::{FinalSession, Open};
use crate::pages::{KeyAndPages, PageRef};
use crate::profile::{Origin, Place, Portrait};

/// The most that names, times, ids, flags and numbers of a session take.
const FIXED: usize = 1024;

/// The most that they take of one page.
const PAGE: usize = 64;

/// The most that a merged session's id takes.
const MERGED: usize = 39;

/// How much room [`session`] needs.
pub(crate) fn room_for_session(session: &FinalSession, portrait: Portrait<'_>) -> usize {
    let Open { rare, .. } = &*session.open;
    let rare = rare.as_deref().map_or(0, |rare| {
        let user = rare.user.as_ref().map_or(0, |(_, _, user)| user.len());
        let exit = rare.overflow.as_ref().map_or(0, |overflow| overflow.exit.2.len());
        escaped(user + exit) + MERGED * rare.merged_ids.len()
    });
    let Portrait { origin, agent, place } = portrait;
    let shared = origin.json().len() + agent.json().len() + place.json().len();
    // Key and pages once, and entry and exit once more.
    let texts = 3 * session.texts.len() + origin.referrer().map_or(0, <[u8]>::len);
    FIXED + rare + shared + PAGE * session.texts.page_count() + escaped(texts)
}

/// A record of the topic `sessions`.
pub(crate) fn session<'o>(mut pen: Pen<'o>, session: &FinalSession, portrait: Portrait<'_>, partition: u32) -> Pen<'o> {
    let FinalSession { open, tally, .. } = session;
    let rare = open.rare.as_deref();
    let overflow = rare.and_then(|rare| rare.overflow.as_ref());
    pen.fixed((b"{\"session_id\":\"", session.session_id, b"\",\"schema\":\"session/1\""));
    let (site, visitor_id) = split(session.texts.key());
    // Visible ASCII, which may be a quote.
    let is_plain = session.texts.is_plain();
    pen.text(b",\"site\":\"", site, is_plain);
    pen.text(b",\"visitor_id\":\"", visitor_id, is_plain);
    pen.maybe_text(b",\"user_id\":\"", rare.and_then(|rare| rare.user.as_ref()).map(|(_, _, user)| &**user));
    let span = (b",\"start\":\"", session.start, (b"\",\"end\":\"", session.end, b"\",\"duration_ms\":"));
    pen.fixed(span);
    pen.integer(b"", (session.end - session.start).as_millis().unsigned_abs());
    pen.integer(b",\"hit_count\":", session.hits as u64);
    pen.integer(b",\"pageview_count\":", tally.pageviews.into());
    pen.integer(b",\"event_count\":", tally.events.into());
    pen.flag(b",\"is_bounce\":", tally.pageviews == 1 && tally.events == 0);
    pen.integer(b",\"engaged_ms\":", open.engaged_ms);
    let (mut pen, Ends { entry, exit }) = pages(pen, &session.texts);
    pen.flag(b",\"pages_truncated\":", overflow.is_some());
    if let Some(entry) = entry {
        pen.text(b",\"entry_page\":\"", entry.path, is_plain);
    }
    if let Some(overflow) = overflow {
        pen.text(b",\"exit_page\":\"", &overflow.exit.2, false);
    } else if let Some(exit) = exit {
        pen.text(b",\"exit_page\":\"", exit.path, is_plain);
    }
    if let Some(referrer) = portrait.origin.referrer() {
        pen.text(b",\"referrer\":\"", referrer, portrait.origin.has_plain_referrer());
    }
    pen.fragment(portrait.origin.json());
    pen.fragment(portrait.agent.json());
    pen.fragment(portrait.place.json());
    pen.raw(match open.refused_by.unwrap_or(session.by) {
        ClosedBy::Gap => b",\"closed_by\":\"gap\"",
        ClosedBy::MaxDuration => b",\"closed_by\":\"max_duration\"",
        ClosedBy::MaxHits => b",\"closed_by\":\"max_hits\"",
        ClosedBy::EndOfInput => b",\"closed_by\":\"end_of_input\"",
    });
    pen.flag(b",\"is_split\":", open.is_split);
    pen.fixed(b",\"merged_ids\":[");
    for (index, &id) in rare.map_or(&[][..], |rare| &rare.merged_ids).iter().enumerate() {
        pen.raw(if index == 0 { b"" } else { b"," });
        pen.fixed((b"\"", id, b"\""));
    }
    pen.integer(b"],\"partition\":", partition.into());
    pen.offset(b",\"first_offset\":", open.first_offset);
    pen.offset(b",\"last_offset\":", tally.last_offset);
    pen.fixed((b",\"closed_at\":\"", session.at, b"\"}"));
    pen
}

/// Site and visitor of a key `site/visitor_id`.
fn split(key: &[u8]) -> (&[u8], &[u8]) {
    let slash = find_any(key, *b"/").expect("a visitor's key has a slash");
    (&key[..slash], &key[slash + 1..])
}

/// The part of a record that follows from where its first hit came from, but for the referrer.
pub(crate) fn origin_json(origin: &Origin<'_>) -> Fragment {
    let channel = origin.channel.unwrap_or(Channel::Direct).as_str();
    let texts = [origin.source, origin.medium, origin.campaign, origin.term, origin.content, Some(channel)];
    let json = written(room_for(&texts), |pen| {
        pen.maybe_text(b",\"source\":\"", origin.source);
        pen.maybe_text(b",\"medium\":\"", origin.medium);
        pen.maybe_text(b",\"campaign\":\"", origin.campaign);
        pen.maybe_text(b",\"term\":\"", origin.term);
        pen.maybe_text(b",\"content\":\"", origin.content);
        pen.maybe_text(b",\"channel\":\"", Some(channel));
    });
    Fragment::new(json)
}

/// The part of a record that follows from where its first hit's visitor was.
pub(crate) fn place_json(place: &Place<'_>) -> Fragment {
    let texts = [place.country, place.region, place.language, place.screen];
    let json = written(room_for(&texts), |pen| {
        pen.maybe_text(b",\"country\":\"", place.country);
        pen.maybe_text(b",\"region\":\"", place.region);
        pen.maybe_text(b",\"language\":\"", place.language);
        pen.maybe_text(b",\"screen\":\"", place.screen);
    });
    Fragment::new(json)
}

/// How much room texts with short names need.
fn room_for(texts: &[Option<&str>]) -> usize {
    texts.iter().map(|text| 16 + escaped(text.map_or(0, str::len))).sum()
}

/// The first and the last of the listed pages.
struct Ends<'a> {
    entry: Option<PageRef<'a>>,
    /// The highest time; on a tie the lower offset.
    exit: Option<PageRef<'a>>,
}

/// Writes the pages in their order. They nearly always stand in it already.
#[inline(always)]
fn pages<'o, 'a>(pen: Pen<'o>, texts: &'a KeyAndPages) -> (Pen<'o>, Ends<'a>) {
    if texts.is_ordered() { write_pages(pen, texts.pages(), texts.is_plain()) } else { sorted_pages(pen, texts) }
}

#[cold]
fn sorted_pages<'o, 'a>(pen: Pen<'o>, texts: &'a KeyAndPages) -> (Pen<'o>, Ends<'a>) {
    let mut pages: Vec<_> = texts.pages().collect();
    pages.sort_unstable_by_key(PageRef::order);
    write_pages(pen, pages.into_iter(), texts.is_plain())
}

#[inline(always)]
fn write_pages<'o, 'a>(
    mut pen: Pen<'o>,
    mut pages: impl Iterator<Item = PageRef<'a>>,
    is_plain: bool,
) -> (Pen<'o>, Ends<'a>) {
    pen.fixed(b",\"pages\":[");
    let entry = pages.next();
    let mut exit = entry;
    if let Some(page) = entry {
        pen.text(b"{\"path\":\"", page.path, is_plain);
        pen = end_page(pen, page, is_plain);
    }
    for page in pages {
        // With equal times the lower offset is the exit.
        if exit.is_some_and(|exit| page.time > exit.time) {
            exit = Some(page);
        }
        pen.text(b",{\"path\":\"", page.path, is_plain);
        pen = end_page(pen, page, is_plain);
    }
    pen.fixed(b"]");
    (pen, Ends { entry, exit })
}

/// What follows a page's path.
#[inline(always)]
fn end_page<'o>(mut pen: Pen<'o>, page: PageRef<'_>, is_plain: bool) -> Pen<'o> {
    if let Some(title) = page.title {
        pen.text(b",\"title\":\"", title, is_plain);
    }
    pen.fixed((b",\"time\":\"", page.time, b"\"}"));
    pen
}
