//! Writing the state: the position at every commit, and what changed as a checkpoint now and then.
//!
//! A session's lists are written in chunks of sixteen ids and sixteen pages: once the ids are full, once more when the pages are
//! (mostly at the same time), and once more without pages when the session is final. So a session of n hits writes O(n) bytes
//! however often it is saved.

use events::{Timestamp, Topic};

use crate::changes::{Changes, chunk_key, chunk_keys, node_key};
use crate::engine::Engine;
use crate::late::REMEMBERED;
use crate::node::{Node, Open, Saved};
use crate::outputs::Outputs;
use crate::pages::PageRef;
use crate::profile::Portrait;
use crate::state::{
    AnonymousState, CHUNK, CheckpointMark, Fingerprint, Fingerprints, FirstState, LATE_CHUNK, LATE_PREFIX, LateState,
    NodeState, OpenState, PARTITION_KEY, PageState, PartitionState, STATE_FORMAT, Str, Times, UserState, chunks,
};

/// Records that the late ids go round in: one more than the ring has chunks, so that the one being filled never
/// overwrites ids that are still remembered.
const LATE_RECORDS: u64 = REMEMBERED as u64 / LATE_CHUNK + 1;

impl Engine {
    /// How many entries the next checkpoint would write or remove.
    pub fn changed(&self) -> usize {
        self.windows.changes.dirty.len() + self.windows.changes.gone.len() + self.windows.anonymous.fresh_len()
    }

    /// Forgets what changed without writing it: for a bounded log, which is read from its start again should it
    /// ever be needed again. The next [`Engine::write_checkpoint`] would be incomplete, so there may be none.
    pub fn drop_changes(&mut self) {
        let Changes { dirty, gone, .. } = &mut self.windows.changes;
        dirty.clear();
        gone.clear();
        self.windows.anonymous.take_fresh();
    }

    /// Appends the record `#partition`, which every commit writes. `partitions` is the log's number of them.
    pub fn write_position(&self, partitions: u32, out: &mut Outputs) {
        let state = PartitionState {
            format: STATE_FORMAT,
            partitions,
            position: self.position,
            now: Times::of(&self.windows),
            checkpoint: self.last_checkpoint.clone(),
        };
        push_json(out, PARTITION_KEY, &state);
    }

    /// Appends everything that changed since the last checkpoint, removals first. The position must be written
    /// in the same commit, after it.
    pub fn write_checkpoint(&mut self, out: &mut Outputs) {
        for key in self.windows.changes.gone.drain(..) {
            out.push(Topic::SessionsOpen, &key, |_| ());
        }
        for slot in std::mem::take(&mut self.windows.changes.dirty) {
            let is_dirty = self.windows.store.get(slot).is_some_and(|node| node.saved.dirty);
            if is_dirty {
                let Self { windows, shared, enricher, .. } = self;
                let node = windows.store.node_mut(slot);
                let portrait = node.open.as_ref().map(|open| shared.portrait(open.profile, &enricher.agents));
                write_node(node, portrait, out);
            }
        }
        for (time, key) in self.windows.anonymous.take_fresh() {
            push_json(out, key, &AnonymousState { time });
        }
        self.write_late_ids(out);
        self.last_checkpoint = CheckpointMark::of(&self.windows, self.position);
    }

    fn write_late_ids(&self, out: &mut Outputs) {
        let late = &self.windows.late_ids;
        let (total, oldest) = (late.total(), late.total().saturating_sub(REMEMBERED as u64));
        let from = self.last_checkpoint.late_ids.max(oldest);
        if from == total {
            return;
        }
        for chunk in from / LATE_CHUNK..=(total - 1) / LATE_CHUNK {
            let first = (chunk * LATE_CHUNK).max(oldest);
            let ids = (first..total.min((chunk + 1) * LATE_CHUNK)).filter_map(|index| late.get(index));
            let key = format!("{LATE_PREFIX}{}", chunk % LATE_RECORDS);
            push_json(out, key.as_bytes(), &LateState { first, ids: ids.map(Fingerprint).collect() });
        }
    }
}

fn push_json(out: &mut Outputs, key: &[u8], state: &impl serde::Serialize) {
    out.push(Topic::SessionsOpen, key, |out| {
        serde_json::to_writer(out, state).expect("state has text keys and finite numbers");
    });
}

/// `portrait`: of an open session.
fn write_node(node: &mut Node, portrait: Option<Portrait<'_>>, out: &mut Outputs) {
    if node.saved.is_apart {
        // All of it is written anew, once, in today's form.
        chunk_keys(node).for_each(|key| out.push(Topic::SessionsOpen, &key, |_| ()));
        node.saved = Saved::NONE;
    }
    let full = node.ids.len() / CHUNK;
    // Pages are fewer than ids, and a stub has none.
    let full_pages = node.texts.page_count() / CHUNK;
    let overflow = node.open.as_ref().and_then(|open| open.rare.as_ref()?.overflow.as_ref());
    let dirty = overflow.map_or(0, |overflow| overflow.dirty_chunks);
    let (saved, saved_pages) = (usize::from(node.saved.chunks), usize::from(node.saved.page_chunks));
    for chunk in 0..full {
        let has_pages = chunk < full_pages;
        let is_saved = chunk < saved && has_pages == (chunk < saved_pages) && !(has_pages && dirty & 1 << chunk != 0);
        if !is_saved {
            let key = chunk_key(node.key(), node.session_id, chunk);
            let ids = &node.ids[chunk * CHUNK..][..CHUNK];
            let pages = has_pages.then(|| node.texts.pages().skip(chunk * CHUNK).take(CHUNK));
            out.push(Topic::SessionsOpen, &key, |out| chunks::write(out, ids, pages));
        }
    }
    let (chunks, page_chunks) = (full as u16, full_pages as u8);
    let state = NodeState {
        start: node.start,
        end: node.end,
        chunks,
        id_chunks: 0,
        ids: Fingerprints(node.ids[full * CHUNK..].to_vec()),
        open: node.open.as_deref().zip(portrait).map(|(open, portrait)| open_state(node, open, portrait, page_chunks)),
    };
    push_json(out, &node_key(node.key(), node.session_id), &state);
    if let Some(overflow) = node.open.as_mut().and_then(|open| open.rare.as_mut()?.overflow.as_mut()) {
        overflow.dirty_chunks = 0;
    }
    node.saved = Saved { exists: true, dirty: false, is_apart: false, chunks, page_chunks };
}

fn open_state<'a>(node: &'a Node, open: &'a Open, portrait: Portrait<'a>, page_chunks: u8) -> OpenState<'a> {
    let rare = open.rare.as_deref();
    let (origin, agent, place) = (portrait.origin.origin(), portrait.agent, portrait.place.place());
    fn text(text: Option<&str>) -> Option<Str<'_>> {
        text.map(Str::from)
    }
    OpenState {
        floor: Some(open.floor).filter(|&floor| floor != Timestamp::MIN),
        start_offset: open.start_offset,
        first_offset: open.first_offset,
        last_offset: node.tally.last_offset,
        hit_count: node.ids.len() as u32,
        pageview_count: node.tally.pageviews,
        event_count: node.tally.events,
        engaged_ms: open.engaged_ms,
        is_split: open.is_split,
        refused_by: open.refused_by,
        page_chunks,
        pages: node.texts.pages().skip(usize::from(page_chunks) * CHUNK).map(page_state).collect(),
        exit: rare.and_then(|rare| rare.overflow.as_ref()).map(|overflow| {
            let (time, offset, path) = &overflow.exit;
            PageState { time: *time, offset: *offset, path: utf8(path), title: None }
        }),
        user: rare.and_then(|rare| rare.user.as_ref()).map(|(time, offset, user)| UserState {
            time: *time,
            offset: *offset,
            user_id: Str::from(&**user),
        }),
        merged_ids: rare.map(|rare| rare.merged_ids.clone()).unwrap_or_default(),
        first: FirstState {
            referrer: text(origin.referrer),
            source: text(origin.source),
            medium: text(origin.medium),
            campaign: text(origin.campaign),
            term: text(origin.term),
            content: text(origin.content),
            channel: origin.channel.map(|channel| channel.as_str().into()),
            browser: text(agent.browser.as_deref()),
            os: text(agent.os.as_deref()),
            device: Some(agent.device.as_str().into()),
            is_bot: agent.is_bot,
            country: text(place.country),
            region: text(place.region),
            language: text(place.language),
            screen: text(place.screen),
        },
    }
}

fn page_state(page: PageRef<'_>) -> PageState<'_> {
    PageState { time: page.time, offset: page.offset, path: utf8(page.path), title: page.title.map(utf8) }
}

fn utf8(text: &[u8]) -> Str<'_> {
    std::str::from_utf8(text).expect("it was put in as text").into()
}
