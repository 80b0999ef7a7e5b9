//! One log copied to another bus, record by record, ticks and all.

use bus::{Outgoing, SharedBus};
use events::Topic;
use futures::executor::block_on;

use crate::support::reference;

/// Whose append times the copies have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamps {
    /// The first log's.
    Kept,
    /// The second bus's own.
    New,
}

/// Copies `hits`. Offsets are the same where nothing but records takes offsets, as in `hits`.
pub(crate) fn hits(from: &SharedBus, to: &SharedBus, stamps: Stamps) {
    for partition in 0..from.partitions() {
        let records: Vec<_> = reference::records(from, Topic::Hits, partition)
            .into_iter()
            .map(|record| Outgoing {
                topic: Topic::Hits,
                partition: Some(partition),
                key: record.key,
                value: record.value.unwrap(),
                append_time: (stamps == Stamps::Kept).then_some(record.append_time),
            })
            .collect();
        for some in records.chunks(1000) {
            block_on(to.publish(some.to_vec())).unwrap();
        }
    }
}

/// The values of a topic, partition by partition, as text.
pub(crate) fn values(bus: &SharedBus, topic: Topic) -> Vec<Vec<String>> {
    let text = |value: bytes::Bytes| String::from_utf8(value.to_vec()).unwrap();
    (0..bus.partitions())
        .map(|partition| {
            let records = reference::records(bus, topic, partition).into_iter();
            records.filter_map(|record| record.value).map(text).collect()
        })
        .collect()
}
