//! Hits that nobody read while the broker kept them.

use bus::{SharedBus, Source};
use events::Topic;
use serde_json::{Value, json};

use crate::short::{Short, settings, values};
use crate::support::kafka::broker;
use crate::support::{expected, reference};

#[test]
fn hits_that_expired_unread_are_a_rejection_each_partition_and_the_rest_goes_on() {
    let mut short = Short::begin(broker(), "expired");
    short.start();
    short.send(0..40);
    short.all_are_rows(40);
    short.stop();
    let partitions = 0..short.bus.partitions();
    let positions: Vec<_> = partitions.clone().map(|partition| position(&short.bus, partition)).collect();
    let mut logs: Vec<_> = partitions.clone().map(|n| reference::records(&short.bus, Topic::Hits, n)).collect();
    for (log, position) in logs.iter_mut().zip(&positions) {
        log.retain(|record| record.offset.0 < *position);
    }

    short.send(40..80);
    let ends: Vec<_> = partitions
        .clone()
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
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let said = |rejection: &Value| ["reason", "origin", "detail"].map(|field| text(&rejection[field]));
    let start = |partition| short.bus.bounds(Source { topic: Topic::Hits, partition }).unwrap().start.0;
    let expected = partitions.clone().zip(&positions).map(|(partition, position)| {
        let (origin, last) = (format!("hits/{partition}@{position}"), start(partition) - 1);
        let lost = format!("offsets {position} to {last} of hits/{partition}");
        ["expired".to_owned(), origin, format!("{lost} were removed by retention before they were read")]
    });
    assert_eq!(rejected.iter().map(said).collect::<Vec<_>>(), expected.collect::<Vec<_>>());

    // What was read before and what is left lead to these sessions, as if nothing had stood between.
    short.wait_until_final(80);
    for (partition, log) in partitions.zip(&mut logs) {
        log.extend(reference::records(&short.bus, Topic::Hits, partition));
    }
    assert_eq!(expected::differences_from(&logs, &short.bus, settings()), [""; 0]);
    short.pipeline.wait_for_the_lake(&short.bus);
    short.stop();
    short.pipeline.must_be_sound();
}

/// Where the state says that the partition's next hit is.
fn position(bus: &SharedBus, partition: u32) -> i64 {
    let records = reference::records(bus, Topic::SessionsOpen, partition);
    let newest = records.iter().rfind(|record| record.key.as_deref() == Some(sessions::PARTITION_KEY)).unwrap();
    let state: Value = serde_json::from_slice(newest.value.as_deref().unwrap()).unwrap();
    state["position"].as_i64().unwrap()
}
