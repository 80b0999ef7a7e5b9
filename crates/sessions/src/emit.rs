//! The JSON of what the engine emits.
//!
//! A hit is never parsed and written anew: what was derived is appended to its raw JSON, so that no field that a
//! newer collector writes is lost, and most of the record is one copy of memory.

use std::borrow::Cow;

use events::text::write_json_str;
use events::{ClosedBy, Offset, Page, Rejection, Session, Timestamp, Uuid, ids};

use crate::enrich::{Channel, Derived};
use crate::late::LateReason;
use crate::node::Node;
use crate::pages::PageRef;

/// What the engine found out about every hit, late or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// The time that windows and dates use.
    pub(crate) time: Timestamp,
    /// Whether it is the append time instead of the hit's own.
    pub(crate) clamped: bool,
    /// Its offset in `hits`.
    pub(crate) offset: Offset,
}

/// Appends fields to a JSON object.
struct Fields<'o>(&'o mut Vec<u8>);

impl<'o> Fields<'o> {
    /// Copies an object up to its closing brace.
    fn after(raw: &[u8], out: &'o mut Vec<u8>) -> Self {
        let object = raw.trim_ascii_end();
        out.extend_from_slice(object.strip_suffix(b"}").expect("a hit that was read is a JSON object"));
        Self(out)
    }

    /// Writes `,"name":`. Names are ours and need no escape.
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.name(name);
            write_json_str(self.0, text);
        }
    }

    /// A text of ours that needs no escape.
    fn word(&mut self, name: &str, word: &str) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(word.as_bytes());
        self.0.push(b'"');
    }

    fn id(&mut self, name: &str, id: Uuid) {
        self.name(name);
        self.0.push(b'"');
        ids::write_uuid(self.0, id);
        self.0.push(b'"');
    }

    fn integer(&mut self, name: &str, value: i64) {
        self.name(name);
        serde_json::to_writer(&mut *self.0, &value).expect("writing a number to memory does not fail");
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.name(name);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn placed(&mut self, placed: Placed) {
        self.name("time");
        self.0.push(b'"');
        placed.time.write_rfc3339(self.0);
        self.0.push(b'"');
        self.integer("raw_offset", placed.offset.0);
        if placed.clamped {
            self.flag("clamped", true);
        }
    }
}

/// A row of `hits.enriched`.
pub(crate) fn enriched(
    out: &mut Vec<u8>,
    raw: &[u8],
    placed: Placed,
    session: Option<(Uuid, u32)>,
    derived: &Derived<'_>,
) {
    let mut fields = Fields::after(raw, out);
    fields.placed(placed);
    if let Some((session_id, seq)) = session {
        fields.id("session_id", session_id);
        fields.integer("session_seq", seq.into());
    }
    fields.text("path", derived.path);
    let origin = &derived.origin;
    fields.text("source", origin.source.as_deref());
    fields.text("medium", origin.medium.as_deref());
    fields.text("campaign", origin.campaign.as_deref());
    fields.text("term", origin.term.as_deref());
    fields.text("content", origin.content.as_deref());
    if let Some(channel) = origin.channel {
        fields.word("channel", channel.as_str());
    }
    let agent = &*derived.agent;
    fields.text("browser", agent.browser.as_deref());
    fields.text("os", agent.os.as_deref());
    fields.word("device", agent.device.as_str());
    fields.flag("is_bot", agent.is_bot);
    out.push(b'}');
}

/// A row of `late`.
pub(crate) fn late(out: &mut Vec<u8>, raw: &[u8], placed: Placed, reason: LateReason, missed: Option<Uuid>) {
    let mut fields = Fields::after(raw, out);
    fields.placed(placed);
    fields.word("late_reason", reason.as_str());
    if let Some(session_id) = missed {
        fields.id("missed_session_id", session_id);
    }
    out.push(b'}');
}

/// A record of the topic `sessions`.
pub(crate) fn session(out: &mut Vec<u8>, node: &Node, closed_by: ClosedBy, partition: u32, closed_at: Timestamp) {
    let open = node.open();
    let (site, visitor_id) = split_key(&node.key);
    let (entry_page, exit_page) = open.entry_and_exit();
    let [country, region, language, screen] = open.profile.place.fields();
    let origin = &*open.profile.origin;
    let agent = &*open.profile.agent;
    let rare = open.rare.as_deref();
    let mut pages: Vec<_> = open.pages.iter().collect();
    pages.sort_unstable_by_key(PageRef::order);
    let page = |page: PageRef<'_>| Page {
        path: Cow::Owned(page.path.to_owned()),
        title: page.title.map(|title| Cow::Owned(title.to_owned())),
        time: page.time,
    };
    Session {
        session_id: node.session_id,
        schema: "session/1".into(),
        site: site.into(),
        visitor_id: visitor_id.into(),
        user_id: rare.and_then(|rare| rare.user.as_ref()).map(|(_, _, user)| Cow::Borrowed(&**user)),
        start: node.start,
        end: node.end,
        duration_ms: (node.end - node.start).as_millis(),
        hit_count: node.ids.len() as u32,
        pageview_count: open.pageviews,
        event_count: open.events,
        is_bounce: open.pageviews == 1 && open.events == 0,
        engaged_ms: open.engaged_ms,
        pages: pages.into_iter().map(page).collect(),
        pages_truncated: rare.is_some_and(|rare| rare.overflow.is_some()),
        entry_page: entry_page.map(Cow::Borrowed),
        exit_page: exit_page.map(Cow::Borrowed),
        referrer: origin.referrer.as_deref().map(Cow::Borrowed),
        source: origin.source.as_deref().map(Cow::Borrowed),
        medium: origin.medium.as_deref().map(Cow::Borrowed),
        campaign: origin.campaign.as_deref().map(Cow::Borrowed),
        term: origin.term.as_deref().map(Cow::Borrowed),
        content: origin.content.as_deref().map(Cow::Borrowed),
        channel: origin.channel.unwrap_or(Channel::Direct).as_str().into(),
        browser: agent.browser.as_deref().map(Cow::Borrowed),
        os: agent.os.as_deref().map(Cow::Borrowed),
        device: Some(agent.device.as_str().into()),
        is_bot: agent.is_bot,
        country: country.map(Cow::Borrowed),
        region: region.map(Cow::Borrowed),
        language: language.map(Cow::Borrowed),
        screen: screen.map(Cow::Borrowed),
        closed_by: open.refused_by.unwrap_or(closed_by),
        is_split: open.is_split,
        merged_ids: rare.map(|rare| rare.merged_ids.clone()).unwrap_or_default(),
        partition,
        first_offset: open.first_offset,
        last_offset: open.last_offset,
        closed_at,
    }
    .write_json(out);
}

/// A record of `rejected` for something in `hits` that could not be read.
pub(crate) fn rejected(
    out: &mut Vec<u8>,
    invalid: &events::Invalid,
    partition: u32,
    offset: Offset,
    time: Timestamp,
    raw: &[u8],
) {
    let rejection = Rejection::new(invalid.reason, &*invalid.detail, format!("hits/{partition}@{offset}"), time, raw);
    let rejection = if invalid.pointer.is_empty() { rejection } else { rejection.at(&*invalid.pointer) };
    out.extend_from_slice(&rejection.to_json());
}

/// Site and visitor of a key `site/visitor_id`.
pub(crate) fn split_key(key: &[u8]) -> (&str, &str) {
    let key = std::str::from_utf8(key).expect("sites and visitors are ASCII");
    key.split_once('/').expect("a visitor's key has a slash")
}
