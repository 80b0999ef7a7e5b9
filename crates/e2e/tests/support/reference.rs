//! What an undisturbed run over the same log would have put out.

use std::path::Path;
use std::time::Duration;

use bus::embedded::EmbeddedBus;
use bus::{Record, SharedBus, Source};
use events::{NextOffset, Topic, WindowSettings};
use sessions::{Engine, Input, Outputs};

/// A log that was left behind, or that somebody else is writing.
pub(crate) fn open(data: &Path) -> SharedBus {
    EmbeddedBus::open_beside(&data.join("bus")).unwrap()
}

/// Every record that a partition holds.
pub(crate) fn records(bus: &SharedBus, topic: Topic, partition: u32) -> Vec<Record> {
    let source = Source { topic, partition };
    let end = bus.bounds(source).unwrap().end;
    let mut reader = bus.read(source, NextOffset::START).unwrap();
    let mut all = Vec::new();
    while reader.position() < end {
        all.extend(reader.next(Duration::from_secs(5)).unwrap());
    }
    all
}

/// Runs one engine over a partition's log from its start, without a stop. Returns the engine and the values of
/// what it put out for a topic.
pub(crate) fn undisturbed(
    log: &[Record],
    partition: u32,
    settings: WindowSettings,
    topic: Topic,
) -> (Engine, Vec<Vec<u8>>) {
    let mut engine = Engine::new(partition, settings);
    let (mut out, mut values) = (Outputs::default(), Vec::new());
    for record in log {
        engine.apply(
            Input { offset: record.offset, append_time: record.append_time, value: record.value.as_deref() },
            &mut out,
        );
        values.extend(
            out.iter().filter(|output| output.topic == topic).filter_map(|output| output.value.map(<[u8]>::to_vec)),
        );
        out.clear();
    }
    (engine, values)
}
