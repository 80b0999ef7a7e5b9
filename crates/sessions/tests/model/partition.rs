//! The rules R1 to R15, one record after the other. "None" is earlier than every time, as `Option` orders it.

use super::session::{Member, Session, Stub, distance, distance_between};
use super::{ClosedBy, Effect, Entry, Kind, LateReason, Settings};

/// R5, R11: how many late ids a partition remembers.
pub const LATE_IDS: usize = 4096;

/// R1: a hit this far ahead of its append time, in milliseconds, is still believed.
const BELIEVED_AHEAD: i64 = 60_000;

/// R5: two hits are the same if site, visitor and hit id are.
#[derive(Clone, PartialEq)]
struct Identity {
    site: String,
    visitor: Option<String>,
    hit_id: String,
}

/// R12: a hit without identity that counted, kept so that its copies are known.
struct Remembered {
    identity: Identity,
    time: i64,
}

struct Partition<'a> {
    settings: Settings,
    late_ids_kept: usize,
    session_id: &'a dyn Fn(&str, &str, &str) -> String,
    stream: Option<i64>,
    watermark: Option<i64>,
    horizon: Option<i64>,
    open: Vec<Session>,
    stubs: Vec<Stub>,
    remembered: Vec<Remembered>,
    late_ids: Vec<Identity>,
    effects: Vec<Effect>,
}

/// Runs one partition's log from its start. `session_id` names the session that a hit opens, from site, visitor and
/// hit id (R18); the names order as the ids' bytes do.
pub fn run(settings: Settings, session_id: &dyn Fn(&str, &str, &str) -> String, log: &[Entry]) -> Vec<Effect> {
    run_remembering(LATE_IDS, settings, session_id, log)
}

/// [`run`] with another number of late ids, so that a short log shows what happens once they are forgotten.
pub fn run_remembering(
    late_ids_kept: usize,
    settings: Settings,
    session_id: &dyn Fn(&str, &str, &str) -> String,
    log: &[Entry],
) -> Vec<Effect> {
    let mut partition = Partition {
        settings,
        late_ids_kept,
        session_id,
        stream: None,
        watermark: None,
        horizon: None,
        open: Vec::new(),
        stubs: Vec::new(),
        remembered: Vec::new(),
        late_ids: Vec::new(),
        effects: Vec::new(),
    };
    for entry in log {
        partition.read(entry);
    }
    partition.effects
}

impl Partition<'_> {
    fn read(&mut self, entry: &Entry) {
        match entry {
            Entry::Hit { offset, append, event_time, site, visitor, hit_id, kind } => {
                // R1
                let clamped = *event_time > *append + BELIEVED_AHEAD;
                let time = if clamped { *append } else { *event_time };
                self.raise_stream(time);
                self.settle(*offset);
                let identity = Identity { site: site.clone(), visitor: visitor.clone(), hit_id: hit_id.clone() };
                let hit = Member { offset: *offset, time, hit_id: hit_id.clone(), kind: kind.clone() };
                match visitor {
                    Some(visitor) => self.apply(identity, site, visitor, hit, clamped),
                    None => self.apply_without_identity(identity, &hit, clamped),
                }
            }
            Entry::Tick { offset, append, time } => {
                // R1, R14
                self.raise_stream(*time.min(append));
                self.settle(*offset);
            }
            Entry::Settings { offset, gap, lateness, max_session, max_hits, max_open_sessions, .. } => {
                // R13
                self.settings = Settings {
                    gap: *gap,
                    lateness: *lateness,
                    max_session: *max_session,
                    max_hits: *max_hits,
                    max_open_sessions: *max_open_sessions,
                };
                self.raise_watermark_and_horizon();
                self.settle(*offset);
            }
            Entry::Draining { .. } => {} // R14
            Entry::End { offset, .. } => {
                // R14
                self.settle(*offset);
                let every: Vec<String> = self.open.iter().map(|session| session.id.clone()).collect();
                self.make_final(every, ClosedBy::EndOfInput, *offset);
            }
        }
    }

    /// R1
    fn raise_stream(&mut self, time: i64) {
        self.stream = self.stream.max(Some(time));
        self.raise_watermark_and_horizon();
    }

    /// R1, R13
    fn raise_watermark_and_horizon(&mut self) {
        self.watermark = self.watermark.max(self.stream.map(|stream| stream - self.settings.lateness));
        self.horizon = self.horizon.max(self.watermark.map(|watermark| watermark - self.settings.gap));
    }

    /// What time alone does, before the record itself does anything.
    fn settle(&mut self, offset: i64) {
        // R2
        let due = self.open.iter().filter(|session| self.watermark > Some(session.end() + self.settings.gap));
        let due = due.map(|session| session.id.clone()).collect();
        self.make_final(due, ClosedBy::Gap, offset);
        // R4
        let (open, horizon, gap) = (&self.open, self.horizon, self.settings.gap);
        self.stubs.retain(|stub| {
            let is_past = Some(stub.span.1 + gap) < horizon;
            let is_needed = open.iter().any(|session| {
                session.belongs_to(&stub.site, &stub.visitor) && distance_between(session.span(), stub.span) <= gap
            });
            !is_past || is_needed
        });
        // R12
        self.remembered.retain(|hit| Some(hit.time) >= horizon);
    }

    /// Makes these open sessions final, in the order of R2.
    fn make_final(&mut self, mut ids: Vec<String>, otherwise: ClosedBy, offset: i64) {
        ids.sort_by_key(|id| {
            let session = self.session(id);
            (session.end(), format!("{}/{}", session.site, session.visitor), session.id.clone())
        });
        for id in ids {
            let session = self.take(&id);
            let closed_at = self.watermark.expect("the hit that opened a session raised the watermark");
            self.effects.push(Effect::Session(session.finish(otherwise, closed_at), offset));
            // R3
            for other in &mut self.open {
                if other.belongs_to(&session.site, &session.visitor) && session.end() < other.start() {
                    other.floor = other.floor.max(session.end() + self.settings.gap + 1);
                }
            }
            self.stubs.push(session.stub());
        }
    }

    /// A hit of a visitor, R5 to R11.
    fn apply(&mut self, identity: Identity, site: &str, visitor: &str, hit: Member, clamped: bool) {
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
    fn apply_without_identity(&mut self, identity: Identity, hit: &Member, clamped: bool) {
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

    /// R9
    fn is_full(&self) -> bool {
        self.open.len() + self.stubs.len() + self.remembered.len() >= self.settings.max_open_sessions
    }

    fn of_visitor(&self, site: &str, visitor: &str) -> impl Iterator<Item = &Session> {
        self.open.iter().filter(move |session| session.belongs_to(site, visitor))
    }

    fn stubs_of(&self, site: &str, visitor: &str) -> impl Iterator<Item = &Stub> {
        self.stubs.iter().filter(move |stub| stub.belongs_to(site, visitor))
    }

    fn session(&self, id: &str) -> &Session {
        self.open.iter().find(|session| session.id == id).expect("it is open")
    }

    fn session_mut(&mut self, id: &str) -> &mut Session {
        self.open.iter_mut().find(|session| session.id == id).expect("it is open")
    }

    fn take(&mut self, id: &str) -> Session {
        let at = self.open.iter().position(|session| session.id == id).expect("it is open");
        self.open.remove(at)
    }
}
