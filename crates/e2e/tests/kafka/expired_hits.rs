//! Hits that nobody read while the broker kept them.

use events::Topic;
use serde_json::json;

use crate::short::{Short, values};
use crate::support::kafka::broker;

#[test]
fn hits_that_expired_unread_are_a_rejection_each_partition_and_the_rest_goes_on() {
    let mut short = Short::begin(broker(), "expired");
    short.start();
    short.send(0..40);
    short.all_are_rows(40);
    short.stop();

    short.send(40..80);
    let partitions = short.bus.partitions();
    let ends: Vec<_> = (0..partitions)
        .map(|partition| json!({"topic": short.pipeline.topic(Topic::Hits), "partition": partition, "offset": -1}))
        .collect();
    let file = short.pipeline.folder().join("delete.json");
    std::fs::write(&file, json!({"version": 1, "partitions": ends}).to_string()).unwrap();
    let tool = "org.apache.kafka.tools.DeleteRecordsCommand";
    broker().tool(tool, &["--offset-json-file", file.to_str().unwrap()], "");
    short.send(80..120);
    short.start();
    short.all_are_rows(80);
    let rejected = values(&short.bus, Topic::Rejected);
    assert_eq!(rejected.len(), partitions as usize, "{rejected:?}");
    assert!(rejected.iter().all(|rejection| rejection["reason"] == "expired"), "{rejected:?}");
    short.stop();
    short.pipeline.must_be_sound();
}
