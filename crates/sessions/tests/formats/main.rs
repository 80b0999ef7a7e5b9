//! The formats that others read: records of the topics, and the state that later builds must restore.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod log;
mod room;

use std::collections::BTreeMap;

use events::{Session, Topic};
use sessions::{Engine, Outputs, Restore, STATE_FORMAT};

/// The state as the build wrote it that first had format 1. It may never be written anew: a state that this file
/// stands for is out there.
const STATE_1: &str = include_str!("../fixtures/state-1.jsonl");

/// The same of format 2: ids of a list in one text, a page as a list.
const STATE_2: &str = include_str!("../fixtures/state-2.jsonl");

/// The same of format 3: ids and pages in one chunk.
const STATE_3: &str = include_str!("../fixtures/state-3.jsonl");

const PARTITIONS: u32 = 4;

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.unwrap_or(b"-").to_vec()).unwrap()
}

/// The records of one topic: key, value.
fn records(out: &Outputs, topic: Topic) -> Vec<(String, String)> {
    out.iter().filter(|record| record.topic == topic).map(|record| (text(record.key), text(record.value))).collect()
}

/// What applying the first part of the log gives, and the state behind it.
fn first_part() -> Outputs {
    let (mut engine, mut out) = (log::engine(), Outputs::default());
    log::apply(&mut engine, &log::before(), &mut out);
    engine.write_checkpoint(&mut out);
    engine.write_position(PARTITIONS, &mut out);
    out
}

/// The last part, applied by an engine that was never stopped.
fn last_part() -> Outputs {
    let (mut engine, mut out) = (log::engine(), Outputs::default());
    log::apply(&mut engine, &log::before(), &mut out);
    out.clear();
    log::apply(&mut engine, &log::after(), &mut out);
    out
}

fn snapshot(records: &[(String, String)]) -> String {
    records.iter().map(|(key, value)| format!("{key}\n  {value}\n")).collect()
}

#[test]
fn an_enriched_hit_is_public_json() {
    let enriched = records(&first_part(), Topic::HitsEnriched);
    let chosen: Vec<_> = enriched.into_iter().filter(|(key, _)| key.contains("/v") || key.contains("/~")).collect();
    insta::assert_snapshot!(snapshot(&chosen));
}

#[test]
fn a_late_hit_is_public_json() {
    insta::assert_snapshot!(snapshot(&records(&first_part(), Topic::Late)));
}

#[test]
fn a_session_is_public_json() {
    let mut sessions = records(&first_part(), Topic::Sessions);
    sessions.extend(records(&last_part(), Topic::Sessions).into_iter().filter(|(key, _)| key.contains("/v")));
    insta::assert_snapshot!(snapshot(&sessions));
}

#[test]
fn a_session_is_written_as_its_type_is() {
    for out in [first_part(), last_part()] {
        let sessions = records(&out, Topic::Sessions);
        assert!(!sessions.is_empty());
        for (_, value) in sessions {
            let session: Session<'_> = serde_json::from_str(&value).unwrap();
            let mut again = Vec::new();
            session.write_json(&mut again);
            assert_eq!(value, String::from_utf8(again).unwrap());
        }
    }
}

#[test]
fn the_state_is_public_json() {
    insta::assert_snapshot!(snapshot(&records(&first_part(), Topic::SessionsOpen)));
}

/// Restores the fixtures and runs on: what comes out is what an engine puts out that was never stopped.
#[test]
fn states_of_every_format_are_read_back() {
    assert_eq!(STATE_FORMAT, 3, "a new format gets a fixture of its own beside these");
    is_read_back(STATE_1.lines());
    is_read_back(STATE_2.lines());
    is_read_back(STATE_3.lines());
}

/// A build that goes on from an older state writes new records beside the old ones.
#[test]
fn a_state_of_two_formats_at_once_is_read_back() {
    let half = |lines: &'static str, is_first: bool| {
        lines.lines().enumerate().filter(move |(at, _)| (at % 2 == 0) == is_first).map(|(_, line)| line)
    };
    is_read_back(half(STATE_1, true).chain(half(STATE_2, false)));
    is_read_back(half(STATE_2, true).chain(half(STATE_1, false)));
    let of_other_sessions = |line: &&str| !line.contains("/w/");
    let long_one = |lines: &'static str| lines.lines().filter(move |line| !of_other_sessions(line));
    is_read_back(long_one(STATE_2).chain(STATE_3.lines().filter(of_other_sessions)));
    is_read_back(long_one(STATE_3).chain(STATE_2.lines().filter(of_other_sessions)));
}

/// Keys of chunks of one list, which formats 1 and 2 had.
fn are_apart(key: &str) -> bool {
    key.contains("/ids/") || key.contains("/pages/")
}

/// A session that changes is written in today's form, and nothing of the older one stays; and of a final one no pages.
#[test]
fn a_session_of_an_older_format_is_written_anew_when_it_changes() {
    for older in [STATE_1, STATE_2] {
        let mut state = stored(older.lines());
        assert!(state.keys().any(|key| are_apart(key)));
        let (long, behind) = (state.keys().find(|key| are_apart(key)).unwrap().clone(), log::after());
        let session = long.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        for (part, has_pages) in [(&behind[..behind.len() - 1], true), (&behind[behind.len() - 1..], false)] {
            let (mut engine, mut out) = (restored(&state), Outputs::default());
            log::apply(&mut engine, part, &mut out);
            engine.write_checkpoint(&mut out);
            engine.write_position(PARTITIONS, &mut out);
            for record in out.iter().filter(|record| record.topic == Topic::SessionsOpen) {
                match record.value {
                    Some(value) => drop(state.insert(text(record.key), text(Some(value)))),
                    None => drop(state.remove(&text(record.key))),
                }
            }
            assert!(!state.keys().any(|key| are_apart(key)));
            for chunk in 0..2 {
                assert_eq!(state[&format!("{session}/{chunk}")].contains("\"pages\":"), has_pages);
            }
            assert!(!state.contains_key(&format!("{session}/2")));
        }
    }
}

fn stored<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    lines.map(|line| serde_json::from_str::<(String, String)>(line).unwrap()).collect()
}

fn restored(state: &BTreeMap<String, String>) -> Engine {
    let mut restore = Restore::default();
    restore.records(state.iter().map(|(key, value)| (key.as_bytes(), Some(value.as_bytes()))));
    let restored = restore.finish(2, PARTITIONS).unwrap().unwrap();
    assert_eq!(restored.engine.position(), restored.position);
    restored.engine
}

fn is_read_back<'a>(lines: impl Iterator<Item = &'a str>) {
    let (mut engine, mut out) = (restored(&stored(lines)), Outputs::default());
    log::apply(&mut engine, &log::after(), &mut out);
    let expected = last_part();
    for topic in [Topic::HitsEnriched, Topic::Late, Topic::Sessions] {
        assert_eq!(snapshot(&records(&out, topic)), snapshot(&records(&expected, topic)), "{topic}");
    }
    assert_eq!(out.counts, expected.counts);
    assert_eq!((out.counts.duplicates, out.counts.sessions), (6, 3));
}

/// The fixture holds what this build writes too, while the format is the same.
#[test]
fn the_fixture_is_what_is_written() {
    let written: BTreeMap<_, _> = records(&first_part(), Topic::SessionsOpen).into_iter().collect();
    assert_eq!(written, stored(STATE_3.lines()));
}
