//! The rules R1 to R15, one record after the other: those of time here, those of hits in `hits`. "None" is earlier than
//! every time, as `Option` orders it.

use super::session::{Member, Session, Stub, distance_between};
use super::{ClosedBy, Details, Effect, Entry, FinalSession, Settings};

mod hits;

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
    details: Option<&'a dyn Fn(i64) -> Details>,
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
    Partition::new(late_ids_kept, settings, session_id).run(log)
}

/// [`run`] where it is known what the hit at an offset says of its visitor: final sessions then say it too.
pub fn run_with_details(
    settings: Settings,
    session_id: &dyn Fn(&str, &str, &str) -> String,
    details: &dyn Fn(i64) -> Details,
    log: &[Entry],
) -> Vec<Effect> {
    Partition { details: Some(details), ..Partition::new(LATE_IDS, settings, session_id) }.run(log)
}

impl<'a> Partition<'a> {
    fn new(late_ids_kept: usize, settings: Settings, session_id: &'a dyn Fn(&str, &str, &str) -> String) -> Self {
        Self {
            settings,
            late_ids_kept,
            session_id,
            details: None,
            stream: None,
            watermark: None,
            horizon: None,
            open: Vec::new(),
            stubs: Vec::new(),
            remembered: Vec::new(),
            late_ids: Vec::new(),
            effects: Vec::new(),
        }
    }

    fn run(mut self, log: &[Entry]) -> Vec<Effect> {
        for entry in log {
            self.read(entry);
        }
        self.effects
    }
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
            let known = self.details.map(|details| session.known(details));
            self.effects.push(Effect::Session(FinalSession { known, ..session.finish(otherwise, closed_at) }, offset));
            // R3
            for other in &mut self.open {
                if other.belongs_to(&session.site, &session.visitor) && session.end() < other.start() {
                    other.floor = other.floor.max(session.end() + self.settings.gap + 1);
                }
            }
            self.stubs.push(session.stub());
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
