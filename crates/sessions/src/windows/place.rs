//! R5 to R11: where a hit with identity belongs.

use events::{Span, Timestamp, Uuid};

use super::{Placement, Windows, just_past, mark_changed};
use crate::late::LateReason;
use crate::node::{Contribution, Node, Tally};
use crate::pages::encoded_len;
use crate::profile::Profile;
use crate::store::Visitor;

impl Windows {
    /// R5 to R11: finds the place of a hit with identity that [`Windows::place_in_only`] did not place, and puts it there. `head` is
    /// one of the visitor's slots. `profile` is asked only where the hit is the first of its session in event time.
    pub(crate) fn place(
        &mut self,
        head: Option<u32>,
        visitor: Visitor<'_>,
        hit_id: Uuid,
        hit: &Contribution<'_>,
        profile: &mut dyn FnMut() -> Profile,
    ) -> Placement {
        let mut slots = std::mem::take(&mut self.slots);
        let mut candidates = std::mem::take(&mut self.candidates);
        self.store.ring_of(head, &mut slots);
        let placement = self.place_among(&slots, &mut candidates, visitor, hit_id, hit, profile);
        self.slots = slots;
        self.candidates = candidates;
        placement
    }

    fn place_among(
        &mut self,
        slots: &[u32],
        candidates: &mut Vec<u32>,
        visitor: Visitor<'_>,
        hit_id: Uuid,
        hit: &Contribution<'_>,
        profile: &mut dyn FnMut() -> Profile,
    ) -> Placement {
        let key = visitor.key;
        if self.store.knows(visitor, slots, hit.fingerprint) || self.is_known_late(key, hit_id) {
            return Placement::Duplicate;
        }
        if let Some(missed) = self.find_candidates(slots, hit.time, candidates) {
            return self.late(key, hit_id, LateReason::SessionClosed, Some(missed));
        }
        if let Some(placement) = self.join(slots, candidates, visitor, hit, profile) {
            return placement;
        }
        if hit.time < self.clock.horizon {
            for &slot in slots {
                let node = self.store.node_mut(slot);
                let start = node.start;
                if let Some(open) = &mut node.open
                    && hit.time < start
                {
                    open.floor = open.floor.max(just_past(hit.time, Span::ZERO));
                    self.touch(slot);
                }
            }
            return self.late(key, hit_id, LateReason::TooOld, None);
        }
        if self.is_full() {
            return self.late(key, hit_id, LateReason::StateFull, None);
        }
        self.open(slots, visitor, hit_id, hit, profile())
    }

    /// R6 and R7: collects the open sessions that may take the hit, ordered by start, then id; or names the
    /// final session that the hit has missed.
    fn find_candidates(&self, slots: &[u32], time: Timestamp, candidates: &mut Vec<u32>) -> Option<u32> {
        candidates.clear();
        let mut missed: Option<(Timestamp, Uuid, u32)> = None;
        let mut is_covered = false;
        for &slot in slots {
            let node = self.store.node(slot);
            if !node.is_within(time, &self.settings) {
                continue;
            }
            match &node.open {
                None => {
                    let order = (node.start, node.session_id, slot);
                    missed = Some(missed.map_or(order, |least| least.min(order)));
                }
                Some(open) => {
                    is_covered |= time >= node.start;
                    if time >= open.floor || time >= node.start {
                        candidates.push(slot);
                    }
                }
            }
        }
        if candidates.len() > 1 {
            candidates.sort_unstable_by_key(|&slot| {
                let node = self.store.node(slot);
                (node.start, node.session_id)
            });
        }
        missed.filter(|_| !is_covered).map(|(_, _, slot)| slot)
    }

    /// R7: the hit joins the first candidate that stays within the maxima, and later ones are merged in.
    fn join(
        &mut self,
        slots: &[u32],
        candidates: &[u32],
        visitor: Visitor<'_>,
        hit: &Contribution<'_>,
        profile: &mut dyn FnMut() -> Profile,
    ) -> Option<Placement> {
        let settings = self.settings;
        let mut rest = candidates.iter();
        let joined = loop {
            let &slot = rest.next()?;
            let node = self.store.node_mut(slot);
            let hits = node.ids.len() + 1;
            match Node::refusal(node.start.min(hit.time), node.end.max(hit.time), hits, &settings) {
                None => break slot,
                Some(maximum) => {
                    node.open_mut().refused_by.get_or_insert(maximum);
                    self.touch(slot);
                }
            }
        };
        let node = self.store.node_mut(joined);
        if node.take(hit) {
            self.changes.left.push(std::mem::replace(&mut node.open_mut().profile, profile()));
        }
        mark_changed(node, joined, &mut self.changes);
        let placement = Placement::InSession { slot: joined, seq: node.ids.len() as u32 };
        self.store.learn(visitor, hit.fingerprint);
        for &slot in rest {
            self.merge_or_refuse(joined, slot);
        }
        if slots.len() > 1 {
            self.mark_splits(slots, joined);
        }
        Some(placement)
    }

    fn merge_or_refuse(&mut self, joined: u32, slot: u32) {
        let (mine, theirs) = (self.store.node(joined), self.store.node(slot));
        let (start, end) = (mine.start.min(theirs.start), mine.end.max(theirs.end));
        match Node::refusal(start, end, mine.ids.len() + theirs.ids.len(), &self.settings) {
            None => {
                let mut other = self.store.bury(slot);
                self.changes.forget(&other);
                self.changes.merged += 1;
                self.changes.left.push(self.store.node_mut(joined).absorb(&mut other));
            }
            Some(maximum) => {
                for slot in [joined, slot] {
                    self.store.node_mut(slot).open_mut().refused_by.get_or_insert(maximum);
                    self.touch(slot);
                }
            }
        }
    }

    /// R9: the hit opens a session.
    fn open(
        &mut self,
        slots: &[u32],
        visitor: Visitor<'_>,
        hit_id: Uuid,
        hit: &Contribution<'_>,
        profile: Profile,
    ) -> Placement {
        let mut floor = self.clock.horizon;
        for &slot in slots {
            let node = self.store.node(slot);
            if node.open.is_none() && node.end < hit.time {
                floor = floor.max(just_past(node.end, self.settings.gap));
            }
        }
        let key = visitor.key;
        let session_id = events::ids::session_id(key, hit_id);
        let Self { store, spare, .. } = self;
        let (slot, node) = store.insert(visitor.tag, slots.first().copied(), true);
        node.session_id = session_id;
        (node.start, node.end) = (hit.time, hit.time);
        node.tally = Tally::before(hit.offset);
        node.open = Some(spare.boxed(floor, hit.offset, profile));
        spare.lend_texts(&mut node.texts, key, hit.is_plain, hit.page().map_or(0, encoded_len));
        node.take(hit);
        self.store.learn(visitor, hit.fingerprint);
        self.closing.insert(hit.time, slot);
        self.touch(slot);
        if !slots.is_empty() {
            self.mark_splits(slots, slot);
        }
        Placement::InSession { slot, seq: 1 }
    }

    /// R10: open sessions that now stand within the gap of each other and were not merged are split.
    fn mark_splits(&mut self, slots: &[u32], joined: u32) {
        let mut is_split = false;
        for &slot in slots.iter().filter(|&&slot| slot != joined) {
            let mine = self.store.node(joined);
            let is_near =
                self.store.get(slot).is_some_and(|other| other.open.is_some() && other.is_near(mine, &self.settings));
            if is_near {
                is_split = true;
                self.store.node_mut(slot).open_mut().is_split = true;
                self.touch(slot);
            }
        }
        if is_split {
            self.store.node_mut(joined).open_mut().is_split = true;
        }
    }
}
