//! Small logs by hand, and what becomes of them in words.

use std::collections::BTreeMap;

use super::model::{self, ClosedBy, Details, Effect, Entry, FinalSession, Kind, LateReason, Settings};

/// Long after everything that happens in a story, so that no time is clamped unless a story says when it arrives.
const NOW: i64 = 1_000_000;

/// A gap of 100 ms, a lateness of 50 ms, maxima out of reach. So a session is final at the first time that is more
/// than 150 ms after its end, and the horizon is 150 ms behind the stream time.
pub(crate) const PLAIN: Settings =
    Settings { gap: 100, lateness: 50, max_session: 10_000, max_hits: 10_000, max_open_sessions: 10_000 };

/// A log in the making. A hit's id is a letter; the session that it opens is named by that letter,
/// and by its site and visitor where they are not `s` and `v`.
pub(crate) struct Story {
    settings: Settings,
    entries: Vec<Entry>,
    /// By offset.
    details: BTreeMap<i64, Details>,
}

impl Story {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, entries: Vec::new(), details: BTreeMap::new() }
    }

    fn next(&self) -> i64 {
        self.entries.len() as i64
    }

    fn and(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// A custom event of the visitor `v` on the site `s`.
    pub(crate) fn hit(self, id: &str, time: i64) -> Self {
        self.full(NOW, time, "s", Some("v"), id, Kind::Custom)
    }

    /// The same of somebody else.
    pub(crate) fn hit_of(self, site: &str, visitor: &str, id: &str, time: i64) -> Self {
        self.full(NOW, time, site, Some(visitor), id, Kind::Custom)
    }

    pub(crate) fn hit_of_nobody(self, id: &str, time: i64) -> Self {
        self.full(NOW, time, "s", None, id, Kind::Custom)
    }

    pub(crate) fn hit_that_arrives(self, append: i64, id: &str, time: i64) -> Self {
        self.full(append, time, "s", Some("v"), id, Kind::Custom)
    }

    pub(crate) fn page(self, id: &str, time: i64, path: &str) -> Self {
        self.kind(id, time, Kind::PageView { path: Some(path.to_owned()) })
    }

    pub(crate) fn kind(self, id: &str, time: i64, kind: Kind) -> Self {
        self.full(NOW, time, "s", Some("v"), id, kind)
    }

    fn full(self, append: i64, time: i64, site: &str, visitor: Option<&str>, id: &str, kind: Kind) -> Self {
        let offset = self.next();
        self.and(Entry::Hit {
            offset,
            append,
            event_time: time,
            site: site.to_owned(),
            visitor: visitor.map(str::to_owned),
            hit_id: id.to_owned(),
            kind,
        })
    }

    /// What the newest hit says of its visitor and its page.
    pub(crate) fn saying(mut self, details: Details) -> Self {
        self.details.insert(self.next() - 1, details);
        self
    }

    pub(crate) fn tick(self, time: i64) -> Self {
        self.tick_that_arrives(NOW, time)
    }

    pub(crate) fn tick_that_arrives(self, append: i64, time: i64) -> Self {
        let offset = self.next();
        self.and(Entry::Tick { offset, append, time })
    }

    pub(crate) fn set(self, settings: Settings) -> Self {
        let offset = self.next();
        let Settings { gap, lateness, max_session, max_hits, max_open_sessions } = settings;
        self.and(Entry::Settings { offset, append: NOW, gap, lateness, max_session, max_hits, max_open_sessions })
    }

    pub(crate) fn draining(self) -> Self {
        let offset = self.next();
        self.and(Entry::Draining { offset, append: NOW })
    }

    pub(crate) fn end(self) -> Self {
        let offset = self.next();
        self.and(Entry::End { offset, append: NOW })
    }

    pub(crate) fn effects(&self) -> Vec<Effect> {
        let session_id = |site: &str, visitor: &str, hit_id: &str| match (site, visitor) {
            ("s", "v") => hit_id.to_owned(),
            _ => format!("{hit_id}@{site}/{visitor}"),
        };
        let details = |offset| self.details.get(&offset).cloned().unwrap_or_default();
        model::run_with_details(self.settings, &session_id, &details, &self.entries)
    }

    /// The only session that became final.
    pub(crate) fn session(&self) -> FinalSession {
        let mut sessions = self.effects().into_iter().filter_map(|effect| match effect {
            Effect::Session(session, _) => Some(session),
            _ => None,
        });
        let session = sessions.next().expect("a session is final");
        assert_eq!(sessions.next(), None);
        session
    }

    /// Fails unless exactly this happens, one effect a line.
    #[track_caller]
    pub(crate) fn tells(self, expected: &[&str]) {
        let told: Vec<String> = self.effects().iter().map(|effect| self.tell(effect)).collect();
        assert_eq!(told, expected, "\n{told:#?}");
    }

    fn tell(&self, effect: &Effect) -> String {
        match effect {
            Effect::Enriched { offset, session_id, seq, clamped, .. } => {
                let clamped = if *clamped { ", clamped" } else { "" };
                match (session_id, seq) {
                    (Some(id), Some(seq)) => format!("{} is hit {seq} of {id}{clamped}", self.id_at(*offset)),
                    _ => format!("{} counts alone{clamped}", self.id_at(*offset)),
                }
            }
            Effect::Late { offset, reason, missed, .. } => {
                let reason = match (reason, missed) {
                    (LateReason::SessionClosed, Some(missed)) => format!("missed {missed}"),
                    (LateReason::TooOld, None) => "is too old".to_owned(),
                    (LateReason::StateFull, None) => "finds no room".to_owned(),
                    odd => panic!("no late hit is like that: {odd:?}"),
                };
                format!("{} {reason}", self.id_at(*offset))
            }
            Effect::Duplicate { offset } => format!("{} is a copy", self.id_at(*offset)),
            Effect::Session(session, at) => {
                let closed_by = match session.closed_by {
                    ClosedBy::Gap => "gap",
                    ClosedBy::MaxDuration => "max_duration",
                    ClosedBy::MaxHits => "max_hits",
                    ClosedBy::EndOfInput => "end_of_input",
                };
                let FinalSession { session_id, start, end, hit_count, closed_at, .. } = session;
                let split = if session.is_split { ", split" } else { "" };
                let merged = match session.merged_ids.as_slice() {
                    [] => String::new(),
                    ids => format!(", with {}", ids.join(" ")),
                };
                format!("@{at}: {session_id} {start}..{end} x{hit_count} {closed_by} at {closed_at}{split}{merged}")
            }
        }
    }

    fn id_at(&self, offset: i64) -> &str {
        match &self.entries[offset as usize] {
            Entry::Hit { hit_id, .. } => hit_id,
            other => panic!("{other:?} is no hit"),
        }
    }
}
