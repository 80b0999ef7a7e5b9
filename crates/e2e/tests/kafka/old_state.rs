//! A sessionizer that begins with the log and the state that an earlier release left: it goes on from there, exactly (P3);
//! what a later release left it does not touch.

mod fixture;

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use bus::embedded::EmbeddedBus;
use bus::kafka::KafkaBus;
use bus::{SharedBus, Source};
use bytes::Bytes;
use events::{Topic, WindowSettings};
use fixture::{Fixture, Line, PARTITIONS};
use kafka_broker::topic_prefix;
use sessions::STATE_FORMAT;
use tempfile::TempDir;

use crate::support::kafka::{Pipeline, broker, count};
use crate::support::reference;
use crate::support::service::Service;

/// Every format that a release has written; the newest is this build's.
const FORMATS: [u32; 3] = [1, 2, 3];

const OUTPUTS: [Topic; 4] = [Topic::HitsEnriched, Topic::Sessions, Topic::Late, Topic::Rejected];

/// No ticks: the log has an end.
const FLAGS: [&str; 2] = ["--idle-interval", "1h"];

/// A bus with what a release left on it, and a sessionizer of this build that does not run yet.
struct Heir {
    sessionizer: Service,
    /// The log, as somebody beside the sessionizer sees it now.
    look: Box<dyn Fn() -> SharedBus>,
    /// The log, for somebody who writes to it while nobody else does.
    own: Box<dyn Fn() -> SharedBus>,
}

fn on_kafka(left: &Fixture) -> Heir {
    let prefix = topic_prefix("heir");
    let pipeline = Pipeline::new(slice::from_ref(broker()), &prefix, &FLAGS, WindowSettings::default());
    let made = bus::kafka::Options::at(vec![broker().bootstrap()], prefix);
    let own = move || Arc::new(KafkaBus::open(made.clone()).unwrap()) as SharedBus;
    left.put_on(&own());
    let sessionizer = pipeline.sessionizer("sessionizer");
    Heir { sessionizer, look: Box::new(move || pipeline.log()), own: Box::new(own) }
}

fn embedded(left: &Fixture) -> Heir {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let url = format!("embedded:{}", path.display());
    let command = [&["sessionizer", "--bus", &url][..], &FLAGS].concat().into_iter().map(Into::into);
    let sessionizer = Service::new(folder.path(), "sessionizer", command.collect());
    let own = move || Arc::new(EmbeddedBus::open(bus::embedded::Options::at(&path)).unwrap()) as SharedBus;
    left.put_on(&own());
    Heir { sessionizer, look: Box::new(move || reference::open(folder.path())), own: Box::new(own) }
}

impl Heir {
    /// The sessionizer puts out what an engine does behind the position that was never stopped, to the byte, and nothing
    /// else; and so it does once more, from the state that it then leaves, of which only what changed is its own.
    fn goes_on_exactly(mut self, left: &Fixture) {
        self.run_to_the_end(left);
        left.put_the_rest_on(&(self.own)());
        self.run_to_the_end(left);
    }

    fn run_to_the_end(&mut self, left: &Fixture) {
        let log = (self.look)();
        let sources =
            OUTPUTS.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |partition| Source { topic, partition }));
        let expected: BTreeMap<_, _> =
            sources.map(|source| (source, behind_the_position(&log, left, source))).collect();
        let records = expected.values().map(Vec::len).sum::<usize>();
        drop(log);
        self.sessionizer.start();
        self.sessionizer.wait_for("at the end of the log", |_| {
            let bus = (self.look)();
            OUTPUTS.iter().map(|topic| count(&bus, *topic)).sum::<usize>() >= records
        });
        assert!(self.sessionizer.stop().success(), "{}", self.sessionizer.log());
        self.sessionizer.must_have_said("the group's offset is not", false);
        let bus = (self.look)();
        for (source, expected) in expected {
            assert_eq!(texts(&bus, source), expected, "{source}");
        }
    }

    /// The sessionizer ends with one line, and leaves every topic as it was.
    fn refuses(mut self, line: &str) {
        let ends = |bus: &SharedBus| {
            let sources =
                Topic::ALL.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |n| Source { topic, partition: n }));
            sources.map(|source| (source, bus.bounds(source).unwrap().end)).collect::<BTreeMap<_, _>>()
        };
        let before = ends(&(self.look)());
        self.sessionizer.start();
        assert!(!self.sessionizer.wait_until_ended().success());
        // All else that it says is JSON.
        let log = self.sessionizer.log();
        let said: Vec<_> = log.lines().filter(|line| !line.starts_with('{')).collect();
        assert!(said.len() == 1 && said[0].contains(line), "{log}");
        assert_eq!(ends(&(self.look)()), before);
    }
}

/// What an engine that was never stopped puts out behind the position.
fn behind_the_position(bus: &SharedBus, left: &Fixture, Source { topic, partition }: Source) -> Vec<String> {
    let log = reference::records(bus, Topic::Hits, partition);
    let read = log.iter().filter(|record| record.offset.next() <= left.position(partition)).count();
    let run = |log| reference::undisturbed(log, partition, WindowSettings::default(), topic).1;
    let before = run(&log[..read]).len();
    run(&log).split_off(before).into_iter().map(|value| String::from_utf8(value).unwrap()).collect()
}

fn texts(bus: &SharedBus, Source { topic, partition }: Source) -> Vec<String> {
    let values = reference::records(bus, topic, partition).into_iter().filter_map(|record| record.value);
    values.map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}

/// The same state, as a release would leave it whose format nobody knows yet.
fn of_the_next_format() -> Fixture {
    let mut left = Fixture::of(STATE_FORMAT);
    for line in left.state.iter_mut().filter(|line| line.is("#partition")) {
        let text = String::from_utf8(line.value.as_deref().unwrap().to_vec()).unwrap();
        let next = text.replace(&format!(r#""format":{STATE_FORMAT},"#), &format!(r#""format":{},"#, STATE_FORMAT + 1));
        assert_ne!(text, next);
        line.value = Some(Bytes::from(next));
    }
    left
}

#[test]
fn a_state_of_every_format_is_gone_on_from_exactly_on_kafka() {
    for format in FORMATS {
        let left = Fixture::of(format);
        let heir = on_kafka(&left);
        assert_eq!(format!("\"{}\"", (heir.look)().log_id().unwrap().as_str()), left.state[0].json().to_string());
        heir.goes_on_exactly(&left);
    }
}

#[test]
fn a_state_of_every_format_is_gone_on_from_exactly_on_the_embedded_bus() {
    for format in FORMATS {
        let left = Fixture::of(format);
        embedded(&left).goes_on_exactly(&left);
    }
}

#[test]
fn a_state_of_a_later_format_is_refused_in_one_line_and_not_touched() {
    let left = of_the_next_format();
    let line = format!("the state has format {}, this build knows up to {STATE_FORMAT}", STATE_FORMAT + 1);
    on_kafka(&left).refuses(&line);
    embedded(&left).refuses(&line);
}

/// While a format is this build's, its folder holds what this build writes, record by record; where it holds no state yet,
/// it does now.
#[test]
fn the_state_of_the_newest_format_is_what_this_build_writes() {
    assert_eq!(FORMATS.last(), Some(&STATE_FORMAT), "README.md says how a format gets its folder");
    let path = fixture::folder(STATE_FORMAT).join("sessions.open.jsonl");
    let hits = fixture::lines(&std::fs::read_to_string(path.with_file_name("hits.jsonl")).unwrap());
    let written = fixture::state_of_this_build(&hits);
    if !path.exists() {
        std::fs::write(&path, fixture::text(&written)).unwrap();
        panic!("{} is new: look at it and keep it", path.display());
    }
    assert_eq!(fixture::text(&Fixture::of(STATE_FORMAT).state), fixture::text(&written));
}

/// A fixture that lacks a kind of record would not show that it is read.
#[test]
fn a_fixture_has_every_kind_of_record() {
    for format in FORMATS {
        let Fixture { state, .. } = Fixture::of(format);
        let has = |is: &dyn Fn(&Line) -> bool| state.iter().any(is);
        let key = |line: &Line, part: &str| line.key.as_deref().is_some_and(|key| key.contains(part));
        assert!(state[0].is("#log"), "it is the first record");
        assert!(has(&|line| line.value.is_none()), "a tombstone");
        assert!(has(&|line| line.json()["open"].is_object()), "an open session");
        assert!(has(&|line| line.json()["end"].is_string() && line.json()["open"].is_null()), "a stub");
        assert!(has(&|line| line.json()["open"]["merged_ids"].is_array()), "a merged session");
        assert!(has(&|line| line.json()["open"]["user"].is_object()), "a user");
        // A chunk is named by its number behind the session's id.
        let chunks = if format < 3 { &["/ids/0", "/pages/0"][..] } else { &["-aaf8-63027b41f771/0"] };
        for part in chunks.iter().chain(&["/~", "#late/0"]) {
            assert!(has(&|line| key(line, part) && line.value.is_some()), "{part}");
        }
        let behind =
            |line: &Line| line.is("#partition") && line.json()["position"] != line.json()["checkpoint"]["position"];
        assert!(behind(state.last().unwrap()), "a position behind the checkpoint");
    }
}
