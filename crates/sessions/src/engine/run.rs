//! A run of hits in three stages: what each tells by itself, where each belongs, and what is written.
//!
//! Each stage is a loop over the run. One hit after the other went through more code than a processor's instruction
//! cache holds, and waited for it two hundred times; a stage fits. What is written stands in the same order as if each
//! hit had gone the whole way alone.

use events::{Hit, Topic, Uuid, ids};

use super::effects::PlacedHit;
use super::{Engine, Input};
use crate::bare::BareSession;
use crate::clock::believed;
use crate::emit::{self, Placed};
use crate::enrich::{Derived, Enricher};
use crate::node::Contribution;
use crate::outputs::Outputs;
use crate::pages::{MAX_PATH_BYTES, MAX_TITLE_BYTES};
use crate::profile::{Place, Profile, bounded};
use crate::store::{NO_SLOT, Store, Visitor};
use crate::windows::Placement;

/// How many hits go through the stages together: few enough that they stay in the nearest caches.
pub(super) const RUN: usize = 64;

/// The most of a user's id that a session keeps, in bytes.
const MAX_USER_BYTES: usize = 256;

/// Hits on their way through the stages, with what each tells by itself.
#[derive(Default)]
pub(super) struct Run<'r> {
    hits: &'r [(Hit<'r>, Input<'r>)],
    derived: Vec<Derived<'r>>,
    keys: Keys,
}

/// The hits' keys, one behind the other.
#[derive(Default, Debug)]
struct Keys {
    bytes: Vec<u8>,
    all: Vec<Key>,
    /// Where each visitor's sessions were found before any hit was placed.
    hints: Vec<u32>,
}

#[derive(Debug)]
struct Key {
    end: usize,
    tag: u32,
}

/// What runs leave behind for the next: room.
#[derive(Default, Debug)]
pub(super) struct Buffers {
    derived: Vec<Derived<'static>>,
    keys: Keys,
}

/// The same room for things that live for another time: collecting in place allocates nothing.
fn recycle<'a>(mut derived: Vec<Derived<'_>>) -> Vec<Derived<'a>> {
    derived.clear();
    derived.into_iter().map(|_| unreachable!("it was emptied")).collect()
}

impl Engine {
    /// Takes hits in that were parsed from the inputs' values.
    pub fn apply_hits(&mut self, hits: &[(Hit<'_>, Input<'_>)], out: &mut Outputs) {
        for hits in hits.chunks(RUN) {
            let Buffers { derived, keys } = std::mem::take(&mut self.buffers);
            self.enricher.make_room();
            let mut run = Run { hits, derived: recycle(derived), keys };
            let each = hits.iter().map(|(hit, _)| hit);
            each.clone().for_each(|hit| run.keys.push(hit));
            run.keys.hash(&self.windows.store);
            let is_bare = self.bare.is_some();
            if !is_bare {
                self.enricher.find_agents(each.clone());
            }
            run.keys.find(&self.windows.store);
            if is_bare {
                run.derived.extend(each.map(|hit| self.enricher.path_alone(hit)));
            } else {
                self.enricher.derive_all(each, &mut run.derived);
            }
            run.keys.hints.iter().for_each(|&slot| self.windows.store.prefetch_texts(slot));
            for index in 0..hits.len() {
                self.place(index, &run, out);
            }
            self.write(&run, out);
            run.keys.clear();
            self.buffers = Buffers { derived: recycle(run.derived), keys: run.keys };
        }
    }

    /// The second stage: time goes on, and the hit finds its place.
    fn place(&mut self, index: usize, run: &Run<'_>, out: &mut Outputs) {
        let ((hit, input), derived, visitor) = (&run.hits[index], &run.derived[index], run.keys.get(index));
        self.position = input.offset.next();
        let (time, clamped) = believed(hit.event_time, input.append_time);
        self.advance(time, run, out);
        let Self { windows, shared, enricher, effects, .. } = self;
        out.counts.hits += 1;
        out.counts.clamped += u64::from(clamped);
        let placed = Placed { time, clamped, offset: input.offset };
        if hit.visitor_id.is_none() {
            let placement = windows.place_anonymous(visitor.key, hit.hit_id, time);
            effects.hits.push(PlacedHit { index, placed, placement, session_id: Uuid::nil() });
            return;
        }
        let contribution = Contribution {
            time,
            offset: input.offset,
            fingerprint: ids::hit_fingerprint(hit.hit_id),
            kind: hit.kind,
            path: derived.path.map(|path| bounded(path, MAX_PATH_BYTES)),
            title: hit.title.as_deref().map(|title| bounded(title, MAX_TITLE_BYTES)),
            user_id: hit.user_id.as_deref().map(|user| bounded(user, MAX_USER_BYTES)),
            is_plain: hit.is_plain,
        };
        let head = windows.store.head(visitor);
        if let Some(slot) = head
            && let Some(node) = windows.place_in_only(slot, visitor, hit.hit_id, &contribution)
        {
            let placement = Placement::InSession { slot, seq: node.ids.len() as u32 };
            effects.hits.push(PlacedHit { index, placed, placement, session_id: node.session_id });
            return;
        }
        let placement = windows.place(head, visitor, hit.hit_id, &contribution, &mut || Profile {
            origin: shared.origin_of(hit.referrer.as_deref(), &derived.origin, enricher),
            agent: enricher.agents.hold(derived.agent),
            place: shared.place(&Place::of(hit)),
        });
        out.counts.merged += std::mem::take(&mut windows.changes.merged);
        if !windows.changes.left.is_empty() {
            windows.changes.left.drain(..).for_each(|profile| shared.release(profile, &mut enricher.agents));
        }
        let slot = match placement {
            Placement::InSession { slot, .. } => Some(slot),
            Placement::Late { missed, .. } => missed,
            Placement::Anonymous | Placement::Duplicate => None,
        };
        let (high, low) = slot.map_or((0, 0), |slot| windows.store.node(slot).session_id.as_u64_pair());
        effects.hits.push(PlacedHit { index, placed, placement, session_id: Uuid::from_u64_pair(high, low) });
    }

    /// The third stage: what follows is written.
    pub(super) fn write(&mut self, run: &Run<'_>, out: &mut Outputs) {
        let Self { effects, shared, enricher, windows, .. } = self;
        for (hits, session) in effects.in_order() {
            for hit in hits {
                let is_row = matches!(hit.placement, Placement::InSession { .. } | Placement::Anonymous);
                if self.bare.is_none() || !is_row {
                    write_hit(hit, run, enricher, out);
                }
            }
            let Some(session) = session else { continue };
            out.counts.sessions += 1;
            let (key, profile) = (session.texts.key(), session.open.profile);
            match self.bare {
                None => {
                    let portrait = shared.portrait(profile, &enricher.agents);
                    out.write(Topic::Sessions, key, emit::room_for_session(session, portrait), |pen| {
                        emit::session(pen, session, portrait, self.partition)
                    });
                }
                Some(write) => out.push(Topic::Sessions, key, |out| write(&BareSession(session), out)),
            }
            shared.release(profile, &mut enricher.agents);
        }
        effects.clear().for_each(|session| windows.spare.keep(session));
    }
}

fn write_hit(placed_hit: &PlacedHit, run: &Run<'_>, enricher: &Enricher, out: &mut Outputs) {
    let &PlacedHit { index, placed, placement, ref session_id } = placed_hit;
    let (derived, key) = (&run.derived[index], run.keys.get(index).key);
    let (hit, input) = &run.hits[index];
    let raw = input.value.unwrap_or_default();
    let agent = enricher.agent(derived.agent);
    let session = match placement {
        Placement::Duplicate => {
            out.counts.duplicates += 1;
            return;
        }
        Placement::Late { reason, missed } => {
            out.counts.late[reason as usize] += 1;
            let room = emit::room_for_late(raw);
            out.write(Topic::Late, key, room, |pen| emit::late(pen, raw, placed, reason, missed.map(|_| *session_id)));
            return;
        }
        Placement::InSession { seq, .. } => Some((session_id, seq)),
        Placement::Anonymous => {
            out.counts.anonymous += 1;
            None
        }
    };
    out.counts.enriched += 1;
    out.counts.bots += u64::from(agent.is_bot);
    let room = emit::room_for_enriched(raw, derived, agent);
    out.write(Topic::HitsEnriched, key, room, |pen| {
        emit::enriched(pen, raw, placed, session, derived, enricher, hit.is_plain)
    });
}

impl Keys {
    fn push(&mut self, hit: &Hit<'_>) {
        hit.write_key(&mut self.bytes);
        self.all.push(Key { end: self.bytes.len(), tag: 0 });
    }

    /// Hashes all keys, after the last of them: a hash reads what was just written in other pieces, and would wait for it.
    fn hash(&mut self, store: &Store) {
        let mut start = 0;
        for key in &mut self.all {
            key.tag = store.visitor(&self.bytes[start..key.end]).tag;
            store.prefetch_head(key.tag);
            start = key.end;
        }
    }

    /// Finds where the visitors' sessions probably are, once all keys are there.
    fn find(&mut self, store: &Store) {
        self.hints.extend(self.all.iter().map(|key| store.prefetch_node(key.tag)));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.all.clear();
        self.hints.clear();
    }

    fn get(&self, index: usize) -> Visitor<'_> {
        let start = index.checked_sub(1).map_or(0, |before| self.all[before].end);
        let Key { end, tag } = self.all[index];
        Visitor { key: &self.bytes[start..end], tag, hint: self.hints.get(index).copied().unwrap_or(NO_SLOT) }
    }
}
