//! What the slow and independent model of the session windows says about a log, held against what stands in the topics.

use bus::{Record, SharedBus};
use events::{Control, Topic, WindowSettings, ids};

use super::reference;

#[path = "../../../sessions/tests/model/mod.rs"]
mod model;
#[path = "../../../sessions/tests/told/mod.rs"]
mod told;

use model::{Effect, Entry, Kind, Settings};
use told::{enriched, final_session, json, late, text, time};

/// Where outputs differ from the model's, in words; empty where they are what the log leads to, in the same order, and
/// no more.
pub(crate) fn differences(bus: &SharedBus, settings: WindowSettings) -> Vec<String> {
    let logs = (0..bus.partitions()).map(|partition| reference::records(bus, Topic::Hits, partition));
    differences_from(&logs.collect::<Vec<_>>(), bus, settings)
}

/// The same where the bus does not hold all any more that was read: the logs of its partitions are given.
pub(crate) fn differences_from(logs: &[Vec<Record>], bus: &SharedBus, settings: WindowSettings) -> Vec<String> {
    (0..).zip(logs).flat_map(|(partition, log)| differences_of(log, bus, partition, settings)).collect()
}

fn differences_of(log: &[Record], bus: &SharedBus, partition: u32, settings: WindowSettings) -> Vec<String> {
    let session_id = |site: &str, visitor: &str, hit_id: &str| {
        ids::session_id(&ids::visitor_key(site, visitor), hit_id.parse().unwrap()).to_string()
    };
    let entries: Vec<_> = log.iter().map(entry).collect();
    let expected = model::run(self::settings(settings), &session_id, &entries);
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

fn session(value: &[u8]) -> Effect {
    Effect::Session(final_session(value), 0)
}
