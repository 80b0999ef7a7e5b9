//! The session windows: which session a hit belongs to, and when a session is final.
//!
//! The rules are those of ARCHITECTURE.md, "Session windows"; the numbers such as R12 below are the list there. A
//! second, slow implementation in `tests/model` follows the same list, and the laws in `tests/laws` compare.

mod place;
mod usual;

use events::{ClosedBy, Span, Timestamp, Uuid, WindowSettings};

use crate::anonymous::AnonymousIds;
use crate::changes::Changes;
use crate::clock::StreamClock;
use crate::deadlines::Deadlines;
use crate::late::{LateIds, LateReason};
use crate::node::{FinalSession, Node};
use crate::spare::Spare;
use crate::store::Store;

/// The sessions of one partition.
#[derive(Debug)]
pub(crate) struct Windows {
    pub(crate) clock: StreamClock,
    pub(crate) settings: WindowSettings,
    pub(crate) store: Store,
    pub(crate) late_ids: LateIds,
    pub(crate) anonymous: AnonymousIds,
    pub(crate) changes: Changes,
    /// Open sessions by their end.
    closing: Deadlines,
    /// Stubs by their end, but for those that are held.
    expiring: Deadlines,
    pub(crate) spare: Spare,
    slots: Vec<u32>,
    candidates: Vec<u32>,
}

/// What became of a hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Placement {
    /// It belongs to the session in this slot, as its hit number `seq`, counted from 1 in order of arrival.
    InSession { slot: u32, seq: u32 },
    /// It has no identity, and is taken.
    Anonymous,
    /// It was there before.
    Duplicate,
    /// It came too late, and may have missed the final session in that slot.
    Late { reason: LateReason, missed: Option<u32> },
}

impl Windows {
    pub(crate) fn new(settings: WindowSettings) -> Self {
        Self {
            clock: StreamClock::UNSET,
            settings,
            store: Store::default(),
            late_ids: LateIds::default(),
            anonymous: AnonymousIds::default(),
            changes: Changes::default(),
            closing: Deadlines::default(),
            expiring: Deadlines::default(),
            spare: Spare::default(),
            slots: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Puts a node in as the state holds it.
    pub(crate) fn restore(&mut self, node: Node) {
        let (is_open, end) = (node.open.is_some(), node.end);
        let visitor = self.store.visitor(node.key());
        let (tag, sibling) = (visitor.tag, self.store.head(visitor));
        let (slot, place) = self.store.insert(tag, sibling, is_open);
        *place = Node { link: place.link, ..node };
        if is_open {
            self.closing.insert(end, slot);
        } else {
            self.expiring.insert(end, slot);
        }
    }

    /// Whether R2 may make a session final now.
    pub(crate) fn may_be_final(&self) -> bool {
        !self.closing.has_none_before(self.clock.watermark - self.settings.gap)
    }

    /// Whether R4 and R12 may forget something now.
    pub(crate) fn may_expire(&self) -> bool {
        !self.expiring.has_none_before(self.clock.horizon - self.settings.gap) || self.anonymous.len() > 0
    }

    /// R2: the open sessions that are final now, ordered by deadline, key and session id.
    pub(crate) fn take_final(&mut self, due: &mut Vec<u32>) {
        due.clear();
        let Self { store, closing, .. } = self;
        let bound = self.clock.watermark - self.settings.gap;
        let mut merged_away = Vec::new();
        while let Some(slot) = closing.pop_before(bound, store) {
            if store.get(slot).is_some() { due.push(slot) } else { merged_away.push(slot) }
        }
        merged_away.into_iter().for_each(|slot| self.store.release(slot));
        self.sort_final(due);
    }

    /// R14: all open sessions, ordered as [`Self::take_final`].
    pub(crate) fn take_all(&mut self, due: &mut Vec<u32>) {
        due.clear();
        due.extend(self.store.iter().filter(|(_, node)| node.open.is_some()).map(|(slot, _)| slot));
        self.closing = Deadlines::default();
        self.sort_final(due);
    }

    fn sort_final(&self, due: &mut [u32]) {
        let order = |slot: u32| {
            let node = self.store.node(slot);
            (node.end, node.key(), node.session_id)
        };
        due.sort_unstable_by(|&a, &b| order(a).cmp(&order(b)));
    }

    /// R3: a final session leaves a stub, and sets the floor of the visitor's later open sessions.
    pub(crate) fn close(&mut self, slot: u32, by: ClosedBy, finals: &mut Vec<FinalSession>) {
        let gap = self.settings.gap;
        let node = self.store.node_mut(slot);
        node.close(by, self.clock.watermark, self.spare.key(), finals);
        let end = node.end;
        let mut others = std::mem::take(&mut self.slots);
        self.store.others_of(slot, &mut others);
        self.store.count_closed();
        self.touch(slot);
        self.expiring.insert(end, slot);
        for &other in &others {
            let node = self.store.node_mut(other);
            if let Some(open) = &mut node.open {
                if end < node.start {
                    open.floor = open.floor.max(just_past(end, gap));
                    self.touch(other);
                }
            } else if node.held {
                node.held = false;
                let end = node.end;
                self.expiring.insert(end, other);
            }
        }
        self.slots = others;
    }

    /// R4 and R12: forgets the stubs and the ids that no hit can meet any more.
    pub(crate) fn expire(&mut self) {
        let bound = self.clock.horizon - self.settings.gap;
        let mut others = std::mem::take(&mut self.slots);
        while let Some(slot) = self.expiring.pop_before(bound, &self.store) {
            let stub = self.store.node(slot);
            self.store.others_of(slot, &mut others);
            let is_held = others.iter().any(|&other| {
                let node = self.store.node(other);
                node.open.is_some() && node.is_near(stub, &self.settings)
            });
            if is_held {
                self.store.node_mut(slot).held = true;
            } else {
                let stub = self.store.remove_stub(slot);
                self.changes.forget(&stub);
                self.spare.keep_key(stub.texts);
            }
        }
        self.slots = others;
        let Self { anonymous, changes, clock, .. } = self;
        anonymous.expire(clock.horizon, |key| changes.gone.push(key));
    }

    /// R13: from here on other settings hold.
    pub(crate) fn set(&mut self, settings: WindowSettings) {
        self.settings = settings;
        self.clock.raise(Timestamp::MIN, &settings);
        // What is near an open session may be different under another gap.
        let held: Vec<_> =
            self.store.iter().filter(|(_, node)| node.held).map(|(slot, node)| (slot, node.end)).collect();
        for (slot, end) in held {
            self.store.node_mut(slot).held = false;
            self.expiring.insert(end, slot);
        }
    }

    /// R12: a hit without identity belongs to no session; only its id is kept for a while.
    pub(crate) fn place_anonymous(&mut self, key: &[u8], hit_id: Uuid, time: Timestamp) -> Placement {
        let identity = events::ids::identity_fingerprint(key, hit_id);
        if self.anonymous.contains(identity) || self.late_ids.contains(identity) {
            Placement::Duplicate
        } else if time < self.clock.horizon {
            self.late(key, hit_id, LateReason::TooOld, None)
        } else if self.is_full() {
            self.late(key, hit_id, LateReason::StateFull, None)
        } else {
            self.anonymous.insert(identity, key, time);
            Placement::Anonymous
        }
    }

    /// R11: remembers a late hit's id.
    fn late(&mut self, key: &[u8], hit_id: Uuid, reason: LateReason, missed: Option<u32>) -> Placement {
        self.late_ids.insert(events::ids::identity_fingerprint(key, hit_id));
        Placement::Late { reason, missed }
    }

    fn is_known_late(&self, key: &[u8], hit_id: Uuid) -> bool {
        !self.late_ids.is_empty() && self.late_ids.contains(events::ids::identity_fingerprint(key, hit_id))
    }

    fn is_full(&self) -> bool {
        let held = self.store.open_count() + self.store.stub_count() + self.anonymous.len();
        held as u64 >= self.settings.max_open_sessions
    }

    /// Remembers that a node must go into the next checkpoint.
    fn touch(&mut self, slot: u32) {
        mark_changed(self.store.node_mut(slot), slot, &mut self.changes);
    }
}

/// [`Windows::touch`] for who has the node.
fn mark_changed(node: &mut Node, slot: u32, changes: &mut Changes) {
    if !node.saved.dirty {
        node.saved.dirty = true;
        changes.dirty.push(slot);
    }
}

/// The first moment that is more than the gap after another.
fn just_past(time: Timestamp, gap: Span) -> Timestamp {
    time + gap + Span::from_millis(1)
}
