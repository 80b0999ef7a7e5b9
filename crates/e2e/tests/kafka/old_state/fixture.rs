//! The log and the state topic as a release left them: see README.md.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use bus::{Group, Outgoing, Output, Polled, SharedBus, Source, Step};
use bytes::Bytes;
use events::{LogId, NextOffset, Offset, Timestamp, Topic, WindowSettings};
use serde_json::Value;
use serde_json::value::RawValue;
use sessions::{Engine, Input, Outputs};

/// The default, which the release had too.
pub(crate) const PARTITIONS: u32 = 4;

/// Records that the release processed between two commits, and how often it committed before it stopped.
const COMMITS: (usize, usize) = (10, 5);

/// The key of the log's id.
const LOG_KEY: &str = "#log";

/// One record, as `tributary tail` prints it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    pub(crate) partition: u32,
    pub(crate) key: Option<String>,
    /// `None` is a tombstone.
    pub(crate) value: Option<Bytes>,
}

pub(crate) struct Fixture {
    pub(crate) hits: Vec<Line>,
    pub(crate) state: Vec<Line>,
}

pub(crate) fn folder(format: u32) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/kafka/old_state", &format!("format-{format}")].iter().collect()
}

impl Fixture {
    pub(crate) fn of(format: u32) -> Self {
        let read = |name| lines(&std::fs::read_to_string(folder(format).join(name)).unwrap());
        Self { hits: read("hits.jsonl"), state: read("sessions.open.jsonl") }
    }

    /// Where the release stopped.
    pub(crate) fn position(&self, partition: u32) -> NextOffset {
        let positions = self.state.iter().filter(|line| line.partition == partition && line.is("#partition"));
        positions.last().map_or(NextOffset::START, |line| NextOffset(line.json()["position"].as_i64().unwrap()))
    }

    /// How many records of a partition stand in the log when the next build starts: half of those that nobody has read.
    fn at_hand(&self, partition: u32) -> usize {
        let (read, all) = (self.position(partition).0 as usize, self.hits_of(partition).count());
        read + (all - read) / 2
    }

    fn hits_of(&self, partition: u32) -> impl Iterator<Item = &Line> {
        self.hits.iter().filter(move |line| line.partition == partition)
    }

    /// Writes log and state to a bus that is empty, as the release did: the log's id, then the state, and the group's
    /// positions, in a transaction.
    pub(crate) fn put_on(&self, bus: &SharedBus) {
        let hits = (0..PARTITIONS).flat_map(|partition| self.hits_of(partition).take(self.at_hand(partition)));
        publish(bus, Topic::Hits, hits);
        publish(bus, Topic::SessionsOpen, self.state.iter().filter(|line| line.is(LOG_KEY)));

        let topics = vec![Topic::Hits];
        let group = Group { name: "sessionizer".to_owned(), instance: None, topics, produces: true };
        let mut worker = bus.join(group).unwrap();
        let mut assigned = 0;
        while assigned < PARTITIONS as usize {
            if let Polled::Assigned(assignments) = worker.poll(Duration::from_secs(1)).unwrap() {
                assigned += assignments.len();
            }
        }
        let outputs = self.state.iter().filter(|line| !line.is(LOG_KEY)).map(|line| Output {
            target: Source { topic: Topic::SessionsOpen, partition: line.partition },
            key: line.key.as_deref().map(str::as_bytes),
            value: line.value.as_deref(),
        });
        let position = |partition| (Source { topic: Topic::Hits, partition }, self.position(partition));
        let positions: Vec<_> = (0..PARTITIONS).map(position).collect();
        worker.commit(Step { outputs: &outputs.collect::<Vec<_>>(), positions: &positions }).unwrap();
    }

    /// Writes the half of the unread hits that comes later.
    pub(crate) fn put_the_rest_on(&self, bus: &SharedBus) {
        let hits = (0..PARTITIONS).flat_map(|partition| self.hits_of(partition).skip(self.at_hand(partition)));
        publish(bus, Topic::Hits, hits);
    }
}

fn publish<'a>(bus: &SharedBus, topic: Topic, lines: impl Iterator<Item = &'a Line>) {
    let records = lines.map(|line| Outgoing {
        topic,
        partition: Some(line.partition),
        key: line.key.clone().map(Bytes::from),
        value: line.value.clone().unwrap(),
        append_time: None,
    });
    futures::executor::block_on(bus.publish(records.collect())).unwrap();
}

impl Line {
    pub(crate) fn is(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }

    pub(crate) fn json(&self) -> Value {
        self.value.as_deref().map_or(Value::Null, |value| serde_json::from_slice(value).unwrap())
    }
}

pub(crate) fn lines(text: &str) -> Vec<Line> {
    let line = |line: &str| {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
        let partition = fields["partition"].get().parse().unwrap();
        let key = serde_json::from_str(fields["key"].get()).unwrap();
        let value = Some(fields["value"].get()).filter(|value| *value != "null");
        Line { partition, key, value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())) }
    };
    text.lines().map(line).collect()
}

pub(crate) fn text(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |mut text, Line { partition, key, value }| {
        let key = serde_json::to_string(key).unwrap();
        let value = value.as_deref().map_or("null", |value| std::str::from_utf8(value).unwrap());
        writeln!(text, r#"{{"partition":{partition},"key":{key},"value":{value}}}"#).unwrap();
        text
    })
}

/// What a sessionizer of this build leaves in the state topic.
pub(crate) fn state_of_this_build(hits: &[Line]) -> Vec<Line> {
    let log_id = format!("\"{}\"", LogId::from_bits(0x0199_e8c4_0000_4000_8000_0000_0000_0001).as_str());
    let mut state = vec![Line { partition: 0, key: Some(LOG_KEY.to_owned()), value: Some(log_id.into()) }];
    // Later than any of the hits: those of a log that is copied are stamped anew.
    let append_time: Timestamp = "2025-12-01T00:00:00.000Z".parse().unwrap();
    let (interval, commits) = COMMITS;
    for partition in 0..PARTITIONS {
        let (mut engine, mut out) = (Engine::new(partition, WindowSettings::default()), Outputs::default());
        let log: Vec<_> = hits.iter().filter(|hit| hit.partition == partition).collect();
        for (number, records) in log.chunks_exact(interval).take(commits).enumerate() {
            for (offset, record) in (number * interval..).zip(records) {
                let offset = Offset(offset as i64);
                engine.apply(Input { offset, append_time, value: record.value.as_deref() }, &mut out);
            }
            if number % 2 == 1 {
                engine.write_checkpoint(&mut out);
            }
            engine.write_position(PARTITIONS, &mut out);
            let written = out.iter().filter(|output| output.topic == Topic::SessionsOpen);
            state.extend(written.map(|output| Line {
                partition,
                key: output.key.map(|key| String::from_utf8(key.to_vec()).unwrap()),
                value: output.value.map(Bytes::copy_from_slice),
            }));
            out.clear();
        }
    }
    state
}
