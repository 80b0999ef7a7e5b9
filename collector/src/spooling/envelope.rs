//! A record of the bus as a record of the spool. The label is the topic, and part of the spool's format: never change one.

use bus::Outgoing;
use events::Topic;
use spool::Record;

const HITS: u8 = 1;
const REJECTED: u8 = 2;

/// Key and value together, in bytes.
pub(super) fn size(record: &Outgoing) -> usize {
    record.key.as_ref().map_or(0, bytes::Bytes::len) + record.value.len()
}

/// What the spool keeps of a record. The edge writes to two topics, and leaves partition and time to the bus.
pub(super) fn wrap(record: &Outgoing) -> Record {
    let label = if record.topic == Topic::Hits { HITS } else { REJECTED };
    Record { label, key: record.key.clone(), value: record.value.clone() }
}

/// What the bus gets. A label that nobody gave is a rejection's: nothing is thrown away for it.
pub(super) fn unwrap(record: &Record) -> Outgoing {
    let topic = if record.label == HITS { Topic::Hits } else { Topic::Rejected };
    Outgoing { topic, partition: None, key: record.key.clone(), value: record.value.clone(), append_time: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_out_as_it_went_in() {
        for (topic, key) in [(Topic::Hits, Some("shop.example/v1".into())), (Topic::Rejected, None)] {
            let record = Outgoing { topic, partition: None, key, value: "{}".into(), append_time: None };
            let back = unwrap(&wrap(&record));
            assert_eq!((back.topic, &back.key, &back.value), (record.topic, &record.key, &record.value));
            assert_eq!((back.partition, back.append_time), (None, None));
        }
    }
}
