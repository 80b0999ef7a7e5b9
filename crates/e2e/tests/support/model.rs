//! What the slow and independent model of the session windows says about a log, held against what stands in the topics.

use bus::{Record, SharedBus};
use events::{Control, Session, Timestamp, Topic, WindowSettings, ids};
use serde_json::Value;

use super::reference;

#[path = "../../../sessions/tests/model/mod.rs"]
mod slow;

use slow::{ClosedBy, Effect, Entry, FinalSession, Kind, LateReason, Settings};

/// Where outputs differ from the model's, in words; empty where they are what the log leads to, in the same order, and
/// no more.
pub(crate) fn differences(bus: &SharedBus, settings: WindowSettings) -> Vec<String> {
    (0..bus.partitions()).flat_map(|partition| differences_of(bus, partition, settings)).collect()
}

fn differences_of(bus: &SharedBus, partition: u32, settings: WindowSettings) -> Vec<String> {
    let log = reference::records(bus, Topic::Hits, partition);
    let session_id = |site: &str, visitor: &str, hit_id: &str| {
        ids::session_id(&ids::visitor_key(site, visitor), hit_id.parse().unwrap()).to_string()
    };
    let entries: Vec<_> = log.iter().map(entry).collect();
    let expected = slow::run(self::settings(settings), &session_id, &entries);
    let is_late = |effect: &&Effect| matches!(effect, Effect::Late { .. });
    let is_session = |effect: &&Effect| matches!(effect, Effect::Session(..));
    let is_enriched = |effect: &&Effect| matches!(effect, Effect::Enriched { .. });
    let mut all = Vec::new();
    let mut compare = |topic: Topic, expected: Vec<Effect>, read: fn(&[u8]) -> Effect| {
        let found = reference::records(bus, topic, partition);
        let found: Vec<_> = found.iter().map(|record| read(record.value.as_deref().unwrap())).collect();
        if found.len() != expected.len() {
            all.push(format!("{topic}/{partition} has {} records, the model {}", found.len(), expected.len()));
        }
        let first = found.iter().zip(&expected).position(|(found, expected)| found != expected);
        if let Some(at) = first {
            all.push(format!("{topic}/{partition} record {at}: {:?} is not {:?}", found[at], expected[at]));
        }
    };
    let of = |is: &dyn Fn(&&Effect) -> bool| expected.iter().filter(is).cloned().map(without_offsets).collect();
    compare(Topic::HitsEnriched, of(&is_enriched), enriched);
    compare(Topic::Sessions, of(&is_session), session);
    compare(Topic::Late, of(&is_late), late);
    all
}

/// A session's record does not say where its pages and its end stand in the log.
fn without_offsets(effect: Effect) -> Effect {
    let Effect::Session(mut session, _) = effect else { return effect };
    session.pages.iter_mut().for_each(|page| page.1 = 0);
    Effect::Session(session, 0)
}

fn settings(settings: WindowSettings) -> Settings {
    Settings {
        gap: settings.gap.as_millis(),
        lateness: settings.lateness.as_millis(),
        max_session: settings.max_session.as_millis(),
        max_hits: settings.max_hits as usize,
        max_open_sessions: settings.max_open_sessions as usize,
    }
}

fn entry(record: &Record) -> Entry {
    let (offset, append) = (record.offset.0, record.append_time.as_millis());
    let value = record.value.as_deref().unwrap();
    match Control::from_json(value) {
        Ok(Control::Tick { time }) => return Entry::Tick { offset, append, time: time.as_millis() },
        Ok(Control::Draining) => return Entry::Draining { offset, append },
        Ok(Control::End) => return Entry::End { offset, append },
        Ok(Control::Settings(settings)) => {
            let Settings { gap, lateness, max_session, max_hits, max_open_sessions } = self::settings(settings);
            return Entry::Settings { offset, append, gap, lateness, max_session, max_hits, max_open_sessions };
        }
        Err(_) => {}
    }
    let hit = json(value);
    // Only our own load is judged here, whose URLs need no parser.
    let path = hit["url"].as_str().and_then(|url| url.strip_prefix("https://shop.example")).map(str::to_owned);
    let kind = match hit["type"].as_str().unwrap() {
        "pageview" => Kind::PageView { path },
        _ => Kind::Custom,
    };
    let (event_time, visitor) = (time(&hit["event_time"]), text(&hit["visitor_id"]));
    let (site, hit_id) = (text(&hit["site"]).unwrap(), text(&hit["hit_id"]).unwrap());
    Entry::Hit { offset, append, event_time, site, visitor, hit_id, kind }
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

fn session(value: &[u8]) -> Effect {
    let session: Session<'_> = serde_json::from_slice(value).unwrap();
    let closed_by = match session.closed_by {
        events::ClosedBy::Gap => ClosedBy::Gap,
        events::ClosedBy::MaxDuration => ClosedBy::MaxDuration,
        events::ClosedBy::MaxHits => ClosedBy::MaxHits,
        events::ClosedBy::EndOfInput => ClosedBy::EndOfInput,
    };
    let session = FinalSession {
        session_id: session.session_id.to_string(),
        site: session.site.into(),
        visitor: session.visitor_id.into(),
        start: session.start.as_millis(),
        end: session.end.as_millis(),
        hit_count: session.hit_count as usize,
        pageview_count: session.pageview_count as usize,
        event_count: session.event_count as usize,
        engaged_ms: session.engaged_ms,
        pages: session.pages.iter().map(|page| (page.time.as_millis(), 0, page.path.to_string())).collect(),
        pages_truncated: session.pages_truncated,
        entry_page: session.entry_page.map(Into::into),
        exit_page: session.exit_page.map(Into::into),
        closed_by,
        is_split: session.is_split,
        merged_ids: session.merged_ids.iter().map(ToString::to_string).collect(),
        first_offset: session.first_offset.0,
        last_offset: session.last_offset.0,
        closed_at: session.closed_at.as_millis(),
    };
    Effect::Session(session, 0)
}

fn json(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn time(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<Timestamp>().unwrap().as_millis()
}
