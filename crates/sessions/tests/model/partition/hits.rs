//! R5 to R12: what becomes of a hit.

use super::super::session::{Member, Session, distance, distance_between};
use super::super::{Effect, LateReason};
use super::{Identity, Partition, Remembered};

impl Partition<'_> {
    /// A hit of a visitor, R5 to R11.
    pub(super) fn apply(&mut self, identity: Identity, site: &str, visitor: &str, hit: Member, clamped: bool) {
        let (time, offset, gap) = (hit.time, hit.offset, self.settings.gap);

        // R5
        let is_in_open = self.of_visitor(site, visitor).any(|session| session.knows(&hit.hit_id));
        let is_in_stub = self.stubs_of(site, visitor).any(|stub| stub.hit_ids.contains(&hit.hit_id));
        if is_in_open || is_in_stub || self.late_ids.contains(&identity) {
            self.effects.push(Effect::Duplicate { offset });
            return;
        }

        // R6
        let mut missed: Vec<(i64, String)> = self
            .stubs_of(site, visitor)
            .filter(|stub| distance(time, stub.span) <= gap)
            .map(|stub| (stub.span.0, stub.id.clone()))
            .collect();
        missed.sort();
        let lies_in_open =
            self.of_visitor(site, visitor).any(|open| distance(time, open.span()) <= gap && time >= open.start());
        if !missed.is_empty() && !lies_in_open {
            self.late(identity, offset, LateReason::SessionClosed, Some(missed[0].1.clone()), time);
            return;
        }

        // R7
        if let Some((id, seq)) = self.join(site, visitor, &hit) {
            self.mark_split(&id);
            self.effects.push(Effect::Enriched { offset, session_id: Some(id), seq: Some(seq), time, clamped });
            return;
        }

        // R8
        if Some(time) < self.horizon {
            for open in self.open.iter_mut().filter(|open| open.belongs_to(site, visitor)) {
                if time < open.start() {
                    open.floor = open.floor.max(time + 1);
                }
            }
            self.late(identity, offset, LateReason::TooOld, None, time);
            return;
        }

        // R9
        if self.is_full() {
            self.late(identity, offset, LateReason::StateFull, None, time);
            return;
        }
        let horizon = self.horizon.expect("this hit raised it");
        let after_stubs = self.stubs_of(site, visitor).filter(|stub| stub.span.1 < time);
        let floor = after_stubs.map(|stub| stub.span.1 + gap + 1).fold(horizon, i64::max);
        let id = (self.session_id)(site, visitor, &hit.hit_id);
        self.open.push(Session {
            id: id.clone(),
            site: site.to_owned(),
            visitor: visitor.to_owned(),
            hits: vec![hit],
            floor,
            is_split: false,
            refused_by: None,
            merged_ids: Vec::new(),
        });
        self.mark_split(&id);
        self.effects.push(Effect::Enriched { offset, session_id: Some(id), seq: Some(1), time, clamped });
    }

    /// R7: the session that took the hit, and the hit's arrival number in it (R19).
    fn join(&mut self, site: &str, visitor: &str, hit: &Member) -> Option<(String, u32)> {
        let (time, settings) = (hit.time, self.settings);
        let mut candidates: Vec<(i64, String)> = self
            .of_visitor(site, visitor)
            .filter(|open| distance(time, open.span()) <= settings.gap && (time >= open.floor || time >= open.start()))
            .map(|open| (open.start(), open.id.clone()))
            .collect();
        candidates.sort();

        let mut joined: Option<(String, u32)> = None;
        for (_, id) in candidates {
            let Some((survivor, _)) = &joined else {
                match self.session(&id).refuses((time, time), 1, &settings) {
                    Some(refusal) => self.session_mut(&id).note_refusal(refusal),
                    None => {
                        self.session_mut(&id).hits.push(hit.clone());
                        let seq = self.session(&id).hits.len() as u32;
                        joined = Some((id, seq));
                    }
                }
                continue;
            };
            let other = self.session(&id);
            match self.session(survivor).refuses(other.span(), other.hits.len(), &settings) {
                Some(refusal) => {
                    self.session_mut(survivor).note_refusal(refusal);
                    self.session_mut(&id).note_refusal(refusal);
                }
                None => {
                    let other = self.take(&id);
                    let survivor = self.session_mut(survivor);
                    survivor.hits.extend(other.hits);
                    survivor.merged_ids.push(other.id);
                    survivor.merged_ids.extend(other.merged_ids);
                    survivor.is_split |= other.is_split;
                    survivor.refused_by = survivor.refused_by.or(other.refused_by);
                }
            }
        }
        joined
    }

    /// R10: whoever now stands within the gap of this session, and it.
    fn mark_split(&mut self, id: &str) {
        let session = self.session(id);
        let (span, site, visitor) = (session.span(), session.site.clone(), session.visitor.clone());
        let neighbours: Vec<String> = self
            .of_visitor(&site, &visitor)
            .filter(|other| other.id != id && distance_between(other.span(), span) <= self.settings.gap)
            .map(|other| other.id.clone())
            .collect();
        for neighbour in neighbours {
            self.session_mut(&neighbour).is_split = true;
            self.session_mut(id).is_split = true;
        }
    }

    /// R12
    pub(super) fn apply_without_identity(&mut self, identity: Identity, hit: &Member, clamped: bool) {
        let (time, offset) = (hit.time, hit.offset);
        if self.remembered.iter().any(|known| known.identity == identity) || self.late_ids.contains(&identity) {
            self.effects.push(Effect::Duplicate { offset });
        } else if Some(time) < self.horizon {
            self.late(identity, offset, LateReason::TooOld, None, time);
        } else if self.is_full() {
            self.late(identity, offset, LateReason::StateFull, None, time);
        } else {
            self.remembered.push(Remembered { identity, time });
            self.effects.push(Effect::Enriched { offset, session_id: None, seq: None, time, clamped });
        }
    }

    /// R11
    fn late(&mut self, identity: Identity, offset: i64, reason: LateReason, missed: Option<String>, time: i64) {
        self.effects.push(Effect::Late { offset, reason, missed, time });
        self.late_ids.push(identity);
        if self.late_ids.len() > self.late_ids_kept {
            self.late_ids.remove(0);
        }
    }
}
