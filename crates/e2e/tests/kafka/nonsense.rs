//! Records in `hits` that are no hits.

use std::time::Duration;

use events::{NewHit, Reason, Timestamp, Topic, Uuid};
use rdkafka::producer::{BaseRecord, Producer};
use serde_json::Value;

use crate::copy;
use crate::short::{Short, raw_producer};
use crate::support::kafka::{broker, count, wait_until};

/// A hit that lacks nothing, of a schema that nobody knows yet.
fn hit_of_another_build() -> String {
    let time = Timestamp::from_millis(1_793_577_600_000);
    let mut hit = NewHit::new(Uuid::from_u128(9), "shop.example", "pageview", time, time);
    (hit.visitor_id, hit.url) = (Some("v9"), Some("https://shop.example/9"));
    let known = String::from_utf8(hit.to_json()).unwrap();
    let unknown = known.replace(r#""schema":"hit/1""#, r#""schema":"hit/9""#);
    assert_ne!(unknown, known);
    unknown
}

#[test]
fn records_that_are_no_hits_are_rejected_with_their_offsets_and_the_partition_goes_on() {
    let mut short = Short::begin(broker(), "nonsense");
    short.start();
    // A client that takes as much as a broker does by default, which is little more than this.
    let producer = raw_producer(broker(), &[("message.max.bytes", "1048588")]);
    let topic = short.pipeline.topic(Topic::Hits);
    let (large, unknown) = ("x".repeat(1_000_000), hit_of_another_build());
    let nonsense = [
        (Some("garbage"), Reason::InvalidJson),
        (Some(""), Reason::EmptyRecord),
        (Some(&*large), Reason::TooLarge),
        (Some(&*unknown), Reason::UnknownSchema),
        (None, Reason::EmptyRecord),
    ];
    for partition in 0..4 {
        for (value, _) in nonsense {
            let mut record: BaseRecord<'_, str, str> = BaseRecord::to(&topic).partition(partition).key("somebody");
            record.payload = value;
            producer.send(record).unwrap();
        }
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    short.send(0..40);
    wait_until("20 rejections", || count(&short.bus, Topic::Rejected) >= 20);
    short.all_are_rows(40);
    for (partition, rejected) in copy::values(&short.bus, Topic::Rejected).iter().enumerate() {
        let rejected = rejected.iter().map(|rejection| serde_json::from_str::<Value>(rejection).unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found: Vec<_> =
            rejected.map(|rejection| (text(&rejection["origin"]), text(&rejection["reason"]))).collect();
        let expected = nonsense.iter().enumerate();
        let expected = expected.map(|(at, (_, reason))| (format!("hits/{partition}@{at}"), reason.to_string()));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
    short.stop();
    short.pipeline.must_be_sound();
}
