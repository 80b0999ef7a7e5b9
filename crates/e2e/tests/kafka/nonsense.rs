//! Records in `hits` that are no hits.

use std::time::Duration;

use events::Topic;
use rdkafka::producer::{BaseRecord, Producer};
use serde_json::Value;

use crate::copy;
use crate::short::{Short, raw_producer};
use crate::support::kafka::{broker, count, wait_until};

#[test]
fn records_that_are_no_hits_are_rejected_with_their_offsets_and_the_partition_goes_on() {
    let mut short = Short::begin(broker(), "nonsense");
    short.start();
    let producer = raw_producer(broker(), &[]);
    let topic = short.pipeline.topic(Topic::Hits);
    let large = "x".repeat(900_000);
    let values = [Some("garbage"), Some(""), Some(&large), Some(r#"{"schema":"hit/9","site":"s"}"#), None];
    for partition in 0..4 {
        for value in values {
            let mut record: BaseRecord<'_, str, str> = BaseRecord::to(&topic).partition(partition).key("somebody");
            record.payload = value;
            producer.send(record).unwrap();
        }
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    short.send(0..40);
    wait_until("20 rejections", || count(&short.bus, Topic::Rejected) >= 20);
    short.all_are_rows(40);
    let origin = |rejection: &String| serde_json::from_str::<Value>(rejection).unwrap()["origin"].clone();
    for (partition, rejected) in copy::values(&short.bus, Topic::Rejected).iter().enumerate() {
        let expected: Vec<_> = (0..5).map(|offset| format!("hits/{partition}@{offset}")).collect();
        assert_eq!(rejected.iter().map(origin).collect::<Vec<_>>(), expected);
    }
    short.stop();
    short.pipeline.must_be_sound();
}
