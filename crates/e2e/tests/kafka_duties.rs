//! What the services owe their users on Kafka when things go another way: offsets that expired or were reset, records that
//! are gone or are no hits, somebody else's open transaction, clocks that are wrong, a log made anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::slice;
use std::time::Duration;

use bus::{SharedBus, Source};
use events::{Span, Topic, WindowSettings};
use kafka_broker::{Broker, clock_ahead, topic_prefix};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use support::kafka::{Pipeline, broker, count, hit, post, wait_until};
use support::service::Service;
use support::{copy, lake, model, reference};

const WINDOWS: [&str; 6] = ["--gap", "2s", "--lateness", "1s", "--idle-interval", "300ms"];

fn settings() -> WindowSettings {
    WindowSettings { gap: Span::from_secs(2), lateness: Span::from_secs(1), ..WindowSettings::default() }
}

fn pipeline(name: &str) -> Pipeline {
    Pipeline::new(slice::from_ref(broker()), &topic_prefix(name), &WINDOWS, settings())
}

/// Some hits of several visitors.
fn send(url: &str, numbers: std::ops::Range<u64>) {
    let hits: Vec<_> = numbers.map(|n| hit(n, n % 20)).collect();
    post(url, &hits);
}

fn stop(services: &mut [Service]) {
    for service in services {
        assert!(service.stop().success(), "{}", service.log());
    }
}

fn groups(arguments: &[&str]) -> String {
    broker().tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", arguments, "")
}

/// Waits until all of these are enriched, and wants each of them to be a row once.
fn all_are_rows(pipeline: &Pipeline, bus: &SharedBus, hits: usize) {
    wait_until(&format!("{hits} enriched hits"), || count(bus, Topic::HitsEnriched) >= hits);
    pipeline.wait_for_the_lake(bus);
    let rows = lake::rows(&pipeline.lake(), "hits");
    let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| lake::text(row, "hit_id")).collect();
    assert_eq!((rows.len(), ids.len()), (hits, hits));
}

#[test]
fn offsets_that_expired_or_were_reset_are_overwritten_by_what_the_state_and_the_lake_know() {
    let pipeline = pipeline("offsets");
    let (mut collector, url) = pipeline.collector("collector");
    collector.start_and_wait();
    let bus = pipeline.log();
    let mut services = [pipeline.sessionizer("sessionizer"), pipeline.lake_writer("lake-writer")];
    let both = [pipeline.group("sessionizer"), pipeline.group("lake-writer")];
    let everybody = ["--group", &both[0], "--group", &both[1]];
    let reset = ["--reset-offsets", "--all-topics", "--execute"];
    // As a group that was away for longer than the broker keeps its offsets.
    let expire = [&["--delete"], &everybody[..]].concat();
    let back = [&reset[..], &["--to-earliest"], &everybody].concat();
    let ahead = [&reset[..], &["--to-latest"], &everybody].concat();
    let mut sent = 0;
    for change in [None, Some(back), Some(ahead), Some(expire)] {
        if let Some(change) = &change {
            stop(&mut services);
            // Some of it stands in the log when they come back, and is not processed yet.
            send(&url, sent..sent + 30);
            sent += 30;
            groups(change);
        }
        services.iter_mut().for_each(Service::start);
        send(&url, sent..sent + 30);
        sent += 30;
        all_are_rows(&pipeline, &bus, sent as usize);
        for service in &services {
            service.must_have_said("the group's offset is not", change.is_some());
        }
    }
    wait_until("every session", || sessions_hold(&bus) == sent);
    assert_eq!(model::differences(&bus, settings()), [""; 0]);
    pipeline.wait_for_the_lake(&bus);
    stop(&mut services);
    pipeline.must_be_sound();
}

fn sessions_hold(bus: &SharedBus) -> u64 {
    let sessions = copy::values(bus, Topic::Sessions).into_iter().flatten();
    sessions.map(|session| json_of(&session)["hit_count"].as_u64().unwrap()).sum()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn hits_that_expired_unread_are_a_rejection_each_partition_and_the_rest_goes_on() {
    let pipeline = pipeline("expired");
    let (mut collector, url) = pipeline.collector("collector");
    collector.start_and_wait();
    let bus = pipeline.log();
    let mut services = [pipeline.sessionizer("sessionizer"), pipeline.lake_writer("lake-writer")];
    services.iter_mut().for_each(Service::start);
    send(&url, 0..40);
    all_are_rows(&pipeline, &bus, 40);
    stop(&mut services);

    send(&url, 40..80);
    let ends: Vec<_> = (0..bus.partitions())
        .map(|partition| json!({"topic": pipeline.topic(Topic::Hits), "partition": partition, "offset": -1}))
        .collect();
    let file = pipeline.folder().join("delete.json");
    std::fs::write(&file, json!({"version": 1, "partitions": ends}).to_string()).unwrap();
    let tool = "org.apache.kafka.tools.DeleteRecordsCommand";
    broker().tool(tool, &["--offset-json-file", file.to_str().unwrap()], "");
    send(&url, 80..120);
    services.iter_mut().for_each(Service::start);
    all_are_rows(&pipeline, &bus, 80);
    let rejected: Vec<_> = copy::values(&bus, Topic::Rejected).into_iter().flatten().collect();
    assert_eq!(rejected.len(), bus.partitions() as usize, "{rejected:?}");
    assert!(rejected.iter().all(|rejection| json_of(rejection)["reason"] == "expired"), "{rejected:?}");
    stop(&mut services);
    pipeline.must_be_sound();
}

/// A client that knows nothing of the bus.
fn raw_producer(settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker().bootstrap());
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

#[test]
fn who_takes_over_waits_for_what_is_committed_above_an_open_transaction() {
    let pipeline = pipeline("above");
    let (mut collector, url) = pipeline.collector("collector");
    let mut first = pipeline.sessionizer("first");
    let mut lake_writer = pipeline.lake_writer("lake-writer");
    collector.start_and_wait();
    first.start_and_wait();
    lake_writer.start();
    let bus = pipeline.log();
    send(&url, 0..50);
    wait_until("50 enriched hits", || count(&bus, Topic::HitsEnriched) == 50);

    // Somebody's transaction is open, in the state and in an output: until it times out, nobody reads what is committed
    // behind it, and nobody ever reads what it wrote: rows that are there already, and positions of the past.
    let newest = |topic, partition| reference::records(&bus, topic, partition).pop().unwrap();
    let copies = [Topic::SessionsOpen, Topic::HitsEnriched].map(|topic| (0..4).map(move |n| (topic, n)));
    let copies: Vec<_> = copies.into_iter().flatten().map(|(topic, n)| (topic, n, newest(topic, n))).collect();
    let name = format!("{}somebody", pipeline.topic_prefix());
    let somebody = raw_producer(&[("transactional.id", &name), ("transaction.timeout.ms", "15000")]);
    somebody.init_transactions(Duration::from_secs(30)).unwrap();
    somebody.begin_transaction().unwrap();
    let write_copies = || {
        for (topic, partition, record) in &copies {
            let (topic, key, value) = (pipeline.topic(*topic), record.key.as_deref(), record.value.as_deref());
            let mut copy: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).partition(*partition as i32);
            (copy.key, copy.payload) = (key, value);
            somebody.send(copy).unwrap();
        }
        somebody.flush(Duration::from_secs(30)).unwrap();
    };
    write_copies();
    let position = || -> i64 {
        (0..4).map(|n| bus.bounds(Source { topic: Topic::HitsEnriched, partition: n }).unwrap().end.0).sum()
    };
    let before = position();
    send(&url, 50..100);
    wait_until("50 more enriched hits, which nobody can read yet", || position() >= before + 50);
    // Their commit follows; the state's record of it is what must not be missed.
    std::thread::sleep(Duration::from_secs(1));
    first.kill();
    write_copies();

    let mut second = pipeline.sessionizer("second");
    second.start();
    send(&url, 100..110);
    wait_until("every session", || sessions_hold(&bus) >= 110);
    assert_eq!(model::differences(&bus, settings()), [""; 0]);
    all_are_rows(&pipeline, &bus, 110);
    stop(&mut [second, lake_writer]);
    pipeline.must_be_sound();
    drop(somebody);
}

#[test]
fn records_that_are_no_hits_are_rejected_with_their_offsets_and_the_partition_goes_on() {
    let pipeline = pipeline("nonsense");
    let (mut collector, url) = pipeline.collector("collector");
    let mut services = [pipeline.sessionizer("sessionizer"), pipeline.lake_writer("lake-writer")];
    collector.start_and_wait();
    services.iter_mut().for_each(Service::start);
    let producer = raw_producer(&[]);
    let topic = pipeline.topic(Topic::Hits);
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
    send(&url, 0..40);
    let bus = pipeline.log();
    wait_until("20 rejections", || count(&bus, Topic::Rejected) >= 20);
    all_are_rows(&pipeline, &bus, 40);
    let rejected = copy::values(&bus, Topic::Rejected);
    for (partition, rejected) in rejected.iter().enumerate() {
        let origins: Vec<_> = rejected.iter().map(|rejection| json_of(rejection)["origin"].clone()).collect();
        let expected: Vec<_> = (0..5).map(|offset| format!("hits/{partition}@{offset}")).collect();
        assert_eq!(origins, expected);
    }
    stop(&mut services);
    pipeline.must_be_sound();
}

/// A broker whose clock is wrong, and a pipeline on it: all hits are in final sessions, and none is late, though the next
/// ones would be if an hour that nobody lived through had moved a watermark. Gives the enriched hits.
fn sessions_with_a_wrong_clock(seconds: i64) -> Vec<Value> {
    let [(preload, library), (ahead, _)] = clock_ahead(Duration::ZERO);
    let options = support::kafka::options().environment(&preload, library).environment(&ahead, seconds);
    let broker = Broker::start(options);
    let pipeline = Pipeline::new(slice::from_ref(&broker), &topic_prefix("clock"), &WINDOWS, settings());
    let (mut collector, url) = pipeline.collector("collector");
    let mut sessionizer = pipeline.sessionizer("sessionizer");
    collector.start_and_wait();
    sessionizer.start_and_wait();
    let bus = pipeline.log();
    send(&url, 0..40);
    wait_until("every session", || sessions_hold(&bus) == 40);
    send(&url, 40..80);
    wait_until("every session", || sessions_hold(&bus) == 80);
    assert_eq!(count(&bus, Topic::Late), 0);
    assert_eq!(model::differences(&bus, settings()), [""; 0]);
    copy::values(&bus, Topic::HitsEnriched).into_iter().flatten().map(|hit| json_of(&hit)).collect()
}

#[test]
fn a_broker_an_hour_ahead_changes_nothing() {
    let enriched = sessions_with_a_wrong_clock(3600);
    assert!(enriched.iter().all(|hit| hit["clamped"] != true), "{enriched:?}");
}

/// To it, the collector's clock and everybody else's is an hour ahead.
#[test]
fn collectors_an_hour_ahead_of_the_broker_are_not_believed() {
    let enriched = sessions_with_a_wrong_clock(-3600);
    assert!(enriched.iter().all(|hit| hit["clamped"] == true), "{enriched:?}");
}

#[test]
fn a_log_made_anew_beside_an_old_state_is_one_line() {
    let pipeline = pipeline("anew");
    let (mut collector, url) = pipeline.collector("collector");
    let mut sessionizer = pipeline.sessionizer("sessionizer");
    collector.start_and_wait();
    sessionizer.start_and_wait();
    let bus = pipeline.log();
    send(&url, 0..40);
    wait_until("every session", || sessions_hold(&bus) == 40);
    assert!(collector.stop().success() && sessionizer.stop().success());
    let topic = pipeline.topic(Topic::Hits);
    broker().tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", &topic], "");
    drop(bus);

    sessionizer.start();
    assert!(!sessionizer.wait_until_ended().success());
    let log = sessionizer.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the log was made anew beside an old state")).collect();
    assert!(!lines.is_empty() && !log.contains("panicked"), "{log}");
}

#[test]
fn another_number_of_partitions_is_refused_with_the_way_out() {
    let pipeline = pipeline("number");
    let mut sessionizer = pipeline.sessionizer("sessionizer");
    sessionizer.start_and_wait();
    assert!(sessionizer.stop().success());
    sessionizer.set_flag("--partitions", "6");
    sessionizer.start();
    assert!(!sessionizer.wait_until_ended().success());
    let log = sessionizer.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains("4 partitions") && last.contains('6') && last.contains("prefix"), "{last}");
}
