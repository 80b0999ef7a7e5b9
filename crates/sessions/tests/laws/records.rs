//! The model's log as records, and the engine's records as the model's effects.

use events::{Control, NewHit, Offset, Session, Span, Timestamp, Topic, Uuid, WindowSettings};
use serde_json::{Value, value::RawValue};
use sessions::{Engine, Input, Outputs};

use super::model::{ClosedBy, Effect, Entry, FinalSession, Kind, LateReason, Settings};

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

/// The log as the bus would hold it.
pub(crate) fn records(log: &[Entry]) -> Vec<Record> {
    log.iter().map(record).collect()
}

fn record(entry: &Entry) -> Record {
    match entry {
        Entry::Hit { offset, append, event_time, site, visitor, hit_id, kind } => {
            let id: Uuid = hit_id.parse().expect("the logs make UUIDs");
            let (name, path, engaged_ms) = match kind {
                Kind::PageView { path } => ("pageview", path.as_deref(), None),
                Kind::Custom => ("signup", None, None),
                Kind::Engagement { engaged_ms } => ("engagement", None, Some(*engaged_ms)),
                Kind::Request => ("request", None, None),
            };
            let mut hit = NewHit::new(id, site, name, at(*event_time), at(*append));
            hit.visitor_id = visitor.as_deref();
            hit.url = path;
            let props =
                RawValue::from_string(format!("{{\"engaged_ms\":{}}}", engaged_ms.unwrap_or_default())).unwrap();
            hit.props = engaged_ms.map(|_| &*props);
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
                Topic::Sessions => Effect::Session(final_session(value), record.offset),
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

fn json(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(value)))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn time(value: &Value) -> i64 {
    value.as_str().expect("a time").parse::<Timestamp>().expect("a time").as_millis()
}

fn enriched(value: &[u8]) -> Effect {
    let json = json(value);
    Effect::Enriched {
        offset: json["raw_offset"].as_i64().unwrap(),
        session_id: text(&json["session_id"]),
        seq: json["session_seq"].as_u64().map(|seq| seq as u32),
        time: time(&json["time"]),
        clamped: json["clamped"] == true,
    }
}

fn late(value: &[u8]) -> Effect {
    let json = json(value);
    let reason = match json["late_reason"].as_str().unwrap() {
        "session_closed" => LateReason::SessionClosed,
        "too_old" => LateReason::TooOld,
        "state_full" => LateReason::StateFull,
        other => panic!("no reason: {other}"),
    };
    let missed = text(&json["missed_session_id"]);
    Effect::Late { offset: json["raw_offset"].as_i64().unwrap(), reason, missed, time: time(&json["time"]) }
}

fn final_session(value: &[u8]) -> FinalSession {
    let session: Session<'_> = serde_json::from_slice(value).expect("a session's own JSON is read back");
    let mut again = Vec::new();
    session.write_json(&mut again);
    assert_eq!(std::str::from_utf8(value), std::str::from_utf8(&again), "the record is what its type writes");
    let fields = json(value);
    FinalSession {
        session_id: session.session_id.to_string(),
        site: session.site.into(),
        visitor: session.visitor_id.into(),
        start: session.start.as_millis(),
        end: session.end.as_millis(),
        hit_count: session.hit_count as usize,
        pageview_count: session.pageview_count as usize,
        event_count: session.event_count as usize,
        engaged_ms: session.engaged_ms,
        // The record does not name the pages' offsets; the model's are dropped as well before comparing.
        pages: session.pages.iter().map(|page| (page.time.as_millis(), 0, page.path.to_string())).collect(),
        pages_truncated: session.pages_truncated,
        entry_page: session.entry_page.map(Into::into),
        exit_page: session.exit_page.map(Into::into),
        closed_by: match fields["closed_by"].as_str().unwrap() {
            "gap" => ClosedBy::Gap,
            "max_duration" => ClosedBy::MaxDuration,
            "max_hits" => ClosedBy::MaxHits,
            "end_of_input" => ClosedBy::EndOfInput,
            other => panic!("closed by {other}"),
        },
        is_split: session.is_split,
        merged_ids: session.merged_ids.iter().map(ToString::to_string).collect(),
        first_offset: session.first_offset.0,
        last_offset: session.last_offset.0,
        closed_at: session.closed_at.as_millis(),
    }
}
