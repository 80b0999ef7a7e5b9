//! The JSON of a final session, written straight from the node.
//!
//! It is [`events::Session`]'s JSON to the byte, and the tests hold it to that. Going through that type copied
//! every text and wrote every byte twice.

use std::cmp::Reverse;

use events::{ClosedBy, Timestamp};

use super::fields::Fields;
use super::split_key;
use crate::enrich::Channel;
use crate::node::Node;
use crate::pages::PageRef;

/// A record of the topic `sessions`.
pub(crate) fn session(out: &mut Vec<u8>, node: &Node, closed_by: ClosedBy, partition: u32, closed_at: Timestamp) {
    let open = node.open();
    let rare = open.rare.as_deref();
    let overflow = rare.and_then(|rare| rare.overflow.as_ref());
    let (site, visitor_id) = split_key(node.key());
    let mut fields = Fields(out);
    fields.id("{\"session_id\":", node.session_id);
    fields.raw(b",\"schema\":\"session/1\"");
    // Visible ASCII, which may be a quote.
    fields.text(",\"site\":", site);
    fields.text(",\"visitor_id\":", visitor_id);
    fields.maybe_text(",\"user_id\":", rare.and_then(|rare| rare.user.as_ref()).map(|(_, _, user)| &**user));
    fields.time(",\"start\":", node.start);
    fields.time(",\"end\":", node.end);
    fields.signed(",\"duration_ms\":", (node.end - node.start).as_millis());
    fields.integer(",\"hit_count\":", node.ids.len() as u64);
    fields.integer(",\"pageview_count\":", open.pageviews.into());
    fields.integer(",\"event_count\":", open.events.into());
    fields.flag(",\"is_bounce\":", open.pageviews == 1 && open.events == 0);
    fields.integer(",\"engaged_ms\":", open.engaged_ms);
    let Ends { entry, exit, is_sorted } = Ends::of(node);
    if is_sorted {
        pages(&mut fields, node.texts.pages());
    } else {
        let mut sorted: Vec<_> = node.texts.pages().collect();
        sorted.sort_unstable_by_key(PageRef::order);
        pages(&mut fields, sorted.into_iter());
    }
    fields.flag(",\"pages_truncated\":", overflow.is_some());
    if let Some(entry) = entry {
        fields.utf8(",\"entry_page\":", entry.path);
    }
    if let Some(exit) = overflow.map(|overflow| &*overflow.exit.2).or(exit.map(|exit| exit.path)) {
        fields.utf8(",\"exit_page\":", exit);
    }
    let origin = open.profile.origin.origin();
    fields.maybe_text(",\"referrer\":", origin.referrer);
    fields.maybe_text(",\"source\":", origin.source);
    fields.maybe_text(",\"medium\":", origin.medium);
    fields.maybe_text(",\"campaign\":", origin.campaign);
    fields.maybe_text(",\"term\":", origin.term);
    fields.maybe_text(",\"content\":", origin.content);
    fields.quoted(",\"channel\":", origin.channel.unwrap_or(Channel::Direct).as_str().as_bytes());
    fields.raw(open.profile.agent.json());
    let place = open.profile.place.place();
    fields.maybe_text(",\"country\":", place.country);
    fields.maybe_text(",\"region\":", place.region);
    fields.maybe_text(",\"language\":", place.language);
    fields.maybe_text(",\"screen\":", place.screen);
    fields.raw(match open.refused_by.unwrap_or(closed_by) {
        ClosedBy::Gap => b",\"closed_by\":\"gap\"",
        ClosedBy::MaxDuration => b",\"closed_by\":\"max_duration\"",
        ClosedBy::MaxHits => b",\"closed_by\":\"max_hits\"",
        ClosedBy::EndOfInput => b",\"closed_by\":\"end_of_input\"",
    });
    fields.flag(",\"is_split\":", open.is_split);
    fields.raw(b",\"merged_ids\":[");
    for (index, &id) in rare.map_or(&[][..], |rare| &rare.merged_ids).iter().enumerate() {
        fields.id(if index == 0 { "" } else { "," }, id);
    }
    fields.raw(b"]");
    fields.integer(",\"partition\":", partition.into());
    fields.offset(",\"first_offset\":", open.first_offset);
    fields.offset(",\"last_offset\":", open.last_offset);
    fields.time(",\"closed_at\":", closed_at);
    fields.raw(b"}");
}

/// The first and the last of the listed pages.
struct Ends<'a> {
    entry: Option<PageRef<'a>>,
    /// The highest time; on a tie the lower offset.
    exit: Option<PageRef<'a>>,
    /// Whether the pages stand in their order, as they do where no hit overtook another.
    is_sorted: bool,
}

impl<'a> Ends<'a> {
    fn of(node: &'a Node) -> Self {
        let mut ends = Self { entry: None, exit: None, is_sorted: true };
        let mut last = None;
        for page in node.texts.pages() {
            let exit_order = |page: &PageRef<'_>| (page.time, Reverse(page.offset));
            if ends.entry.is_none_or(|entry| page.order() < entry.order()) {
                ends.entry = Some(page);
            }
            if ends.exit.is_none_or(|exit| exit_order(&page) > exit_order(&exit)) {
                ends.exit = Some(page);
            }
            ends.is_sorted &= last <= Some(page.order());
            last = Some(page.order());
        }
        ends
    }
}

fn pages<'a>(fields: &mut Fields<'_>, pages: impl Iterator<Item = PageRef<'a>>) {
    fields.raw(b",\"pages\":[");
    for (index, page) in pages.enumerate() {
        fields.utf8(if index == 0 { "{\"path\":" } else { ",{\"path\":" }, page.path);
        if let Some(title) = page.title {
            fields.utf8(",\"title\":", title);
        }
        fields.time(",\"time\":", page.time);
        fields.raw(b"}");
    }
    fields.raw(b"]");
}
