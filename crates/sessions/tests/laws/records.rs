//! The model's log as records, and what the engine does with it as the model's effects.

use events::{Control, NewHit, Offset, Span, Timestamp, Topic, Uuid, WindowSettings};
use serde_json::value::RawValue;
use sessions::{Engine, Input, Outputs};

use super::logs::{Log, Says};
use super::model::{Effect, Entry, Kind, Settings};
use super::told::{enriched, late, whole_session};

/// One record of `hits`.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) offset: i64,
    pub(crate) append: i64,
    pub(crate) value: Vec<u8>,
}

impl Record {
    pub(crate) fn input(&self) -> Input<'_> {
        Input { offset: Offset(self.offset), append_time: at(self.append), value: Some(&self.value) }
    }
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn window_settings(settings: &Settings) -> WindowSettings {
    WindowSettings {
        gap: Span::from_millis(settings.gap),
        lateness: Span::from_millis(settings.lateness),
        max_session: Span::from_millis(settings.max_session),
        max_hits: settings.max_hits as u32,
        max_open_sessions: settings.max_open_sessions as u64,
    }
}

/// The log as the bus would hold it, of hits that say nothing of their visitors.
pub(crate) fn records(log: &[Entry]) -> Vec<Record> {
    log.iter().map(|entry| record(entry, &Says::default())).collect()
}

/// The log as the bus would hold it.
pub(crate) fn records_of(log: &Log) -> Vec<Record> {
    let nothing = Says::default();
    log.entries.iter().map(|entry| record(entry, log.says.get(&entry.offset()).unwrap_or(&nothing))).collect()
}

fn record(entry: &Entry, says: &Says) -> Record {
    match entry {
        Entry::Hit { offset, append, event_time, site, visitor, hit_id, kind } => {
            let id: Uuid = hit_id.parse().expect("the logs make UUIDs");
            let (name, engaged_ms) = match kind {
                Kind::PageView { .. } => ("pageview", None),
                Kind::Custom => ("signup", None),
                Kind::Engagement { engaged_ms } => ("engagement", Some(*engaged_ms)),
                Kind::Request => ("request", None),
            };
            let url = says.url(kind);
            let props =
                RawValue::from_string(format!("{{\"engaged_ms\":{}}}", engaged_ms.unwrap_or_default())).unwrap();
            let hit = NewHit {
                visitor_id: visitor.as_deref(),
                user_id: says.user_id,
                url: url.as_deref(),
                title: says.title,
                referrer: says.referrer,
                language: says.language,
                screen: says.screen,
                user_agent: says.user_agent,
                country: says.country,
                region: says.region,
                props: engaged_ms.map(|_| &*props),
                ..NewHit::new(id, site, name, at(*event_time), at(*append))
            };
            Record { offset: *offset, append: *append, value: hit.to_json() }
        }
        Entry::Tick { offset, append, time } => control(*offset, *append, Control::Tick { time: at(*time) }),
        Entry::Settings { offset, append, gap, lateness, max_session, max_hits, max_open_sessions } => {
            let settings = Settings {
                gap: *gap,
                lateness: *lateness,
                max_session: *max_session,
                max_hits: *max_hits,
                max_open_sessions: *max_open_sessions,
            };
            control(*offset, *append, Control::Settings(window_settings(&settings)))
        }
        Entry::Draining { offset, append } => control(*offset, *append, Control::Draining),
        Entry::End { offset, append } => control(*offset, *append, Control::End),
    }
}

fn control(offset: i64, append: i64, control: Control) -> Record {
    Record { offset, append, value: control.to_json() }
}

/// Runs the engine over a log, record by record, and tells what it did in the model's words.
pub(crate) fn effects(engine: &mut Engine, log: &[Record]) -> Vec<Effect> {
    let mut out = Outputs::default();
    let mut effects = Vec::new();
    for record in log {
        out.clear();
        engine.apply(record.input(), &mut out);
        for output in out.iter() {
            let value = output.value.expect("the engine writes no tombstone here");
            effects.push(match output.topic {
                Topic::HitsEnriched => enriched(value),
                Topic::Late => late(value),
                Topic::Sessions => Effect::Session(whole_session(value), record.offset),
                topic => panic!("nothing goes to {topic}: {}", String::from_utf8_lossy(value)),
            });
        }
        if out.counts.duplicates > 0 {
            effects.push(Effect::Duplicate { offset: record.offset });
        }
    }
    effects
}

/// All that the engine puts out, as one byte string.
pub(crate) fn bytes(engine: &mut Engine, log: &[Record], out: &mut Outputs) -> Vec<u8> {
    let mut all = Vec::new();
    out.clear();
    for record in log {
        engine.apply(record.input(), out);
    }
    append(out, &mut all);
    all
}

/// Appends what the outputs hold for other topics than the state.
pub(crate) fn append(out: &Outputs, all: &mut Vec<u8>) {
    for output in out.iter().filter(|output| output.topic != Topic::SessionsOpen) {
        all.extend_from_slice(output.topic.name().as_bytes());
        all.extend_from_slice(output.key.unwrap_or(b"-"));
        all.extend_from_slice(output.value.unwrap_or(b"-"));
        all.push(b'\n');
    }
}
