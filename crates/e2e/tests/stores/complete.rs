//! `_complete.json` as somebody sees it who waits for it: a lake-writer on Kafka, its lake in a bucket.

use std::slice;

use bus::{Outgoing, SharedBus};
use events::{Topic, WindowSettings};
use kafka_broker::topic_prefix;
use object_servers::{Kind, fresh_name, shared};
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use serde_json::Value;

use crate::support::kafka::{Pipeline, broker, wait_until};
use crate::support::watcher::{Watcher, client};

fn publish(bus: &SharedBus, numbers: std::ops::Range<u64>) {
    let hit = |n: u64| {
        let time = "2026-11-21T00:00:00.000Z";
        let value = format!(
            r#"{{"hit_id":"00000000-0000-7000-8000-{n:012x}","schema":"hit/1","site":"s","visitor_id":"v","type":"pageview","event_time":"{time}","received_at":"{time}","time":"{time}","raw_offset":{n},"is_bot":false}}"#
        );
        let value = value.into();
        Outgoing { topic: Topic::HitsEnriched, partition: Some(0), key: None, value, append_time: None }
    };
    futures::executor::block_on(bus.publish(numbers.map(hit).collect())).unwrap();
}

/// What is said of a table: through when, and through which offset of partition 0.
fn said(store: &AmazonS3, table: &str) -> Option<(String, i64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = Path::from(format!("lake/{table}/_complete.json"));
    let text = runtime.block_on(async { store.get(&path).await.ok()?.bytes().await.ok() })?;
    let said: Value = serde_json::from_slice(&text).unwrap();
    let log = said["logs"].as_object()?.values().next()?;
    Some((log["complete_through"].as_str()?.to_owned(), log["partitions"]["0"]["offset"].as_i64()?))
}

/// Hits come in one partition, nothing in the three others and in the table of late ones.
#[test]
fn a_table_is_said_to_be_complete_when_its_rows_stand_and_what_is_idle_moves_on() {
    let (server, bucket) = (shared(Kind::Versitygw), fresh_name("complete"));
    server.make_bucket(&bucket);
    let store = client(&server.variables(), &bucket);
    let pipeline = Pipeline::new(slice::from_ref(broker()), &topic_prefix("complete"), &[], WindowSettings::default());
    let lake = server.lake(&bucket, "lake");
    let mut writer = pipeline.lake_writer_into("lake-writer", &lake, server.variables());
    writer.start_and_wait();
    let bus = pipeline.log();
    let watcher = Watcher::start(client(&server.variables(), &bucket), "lake");
    wait_until("word of a table in which nothing came yet", || said(&store, "hits").is_some());
    for round in 0..4 {
        publish(&bus, round * 25..round * 25 + 25);
        wait_until("all rows", || watcher.rows() as u64 == round * 25 + 25);
        // In the midst of it another process takes over, by force.
        if round == 1 {
            writer.kill();
            writer.start_and_wait();
        }
    }
    wait_until("word of all rows", || said(&store, "hits").is_some_and(|(_, offset)| offset == 100));
    // What is idle moves on with the clock: the table as a whole, and the one in which nothing ever came.
    for table in ["hits", "late"] {
        let (then, _) = said(&store, table).unwrap();
        wait_until("a later moment", || said(&store, table).unwrap().0 > then);
    }
    assert!(writer.stop().success(), "{}", writer.log());
    let seen = watcher.finish();
    assert_eq!((seen.faults, seen.most_twice, seen.ids.len()), (Vec::new(), 0, 100));
    assert!(seen.promises > 10, "{} polls, {} promises", seen.polls, seen.promises);
}
