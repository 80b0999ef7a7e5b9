//! The three services as processes of their own on a real Kafka: hits become rows, a stranger's console consumer reads the
//! topics as text, and the sessions are to the byte those of the embedded bus.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::slice;
use std::sync::Arc;

use bus::SharedBus;
use bus::embedded::EmbeddedBus;
use bus::kafka::KafkaBus;
use events::{Span, Topic, WindowSettings};
use kafka_broker::topic_prefix;
use serde_json::{Value, json};
use service::{Health, Shutdown};
use support::copy::{self, Stamps};
use support::kafka::{Pipeline, broker, count, hit, post, wait_until};
use support::process::tributary;
use support::real_file::real_file;
use support::{duckdb, model};

fn settings() -> WindowSettings {
    WindowSettings { gap: Span::from_secs(2), lateness: Span::from_secs(1), ..WindowSettings::default() }
}

#[test]
fn three_processes_bring_hits_into_the_lake_and_anybody_can_read_the_topics() {
    let broker = broker();
    let windows = ["--gap", "2s", "--lateness", "1s", "--idle-interval", "300ms"];
    let pipeline = Pipeline::new(slice::from_ref(broker), &topic_prefix("three"), &windows, settings());
    let (mut collector, url) = pipeline.collector("collector");
    let mut sessionizer = pipeline.sessionizer("sessionizer");
    let mut lake_writer = pipeline.lake_writer("lake-writer");
    // All at once, as an operator would: each makes the topics that are absent, and bears that others do so, too.
    collector.start();
    sessionizer.start();
    lake_writer.start();
    [&mut collector, &mut sessionizer, &mut lake_writer]
        .into_iter()
        .for_each(support::service::Service::wait_until_ready);

    let hits: Vec<_> = (0..30).map(|n| hit(n, n % 10)).collect();
    post(&url, &hits);
    let bus = pipeline.log();
    wait_until("30 enriched hits", || count(&bus, Topic::HitsEnriched) == 30);
    let mut late = hit(30, 3);
    late["client_time"] = (support::load::now_ms() - 3_600_000).into();
    post(&url, &[late]);
    wait_until("10 sessions and a late hit", || count(&bus, Topic::Sessions) == 10 && count(&bus, Topic::Late) == 1);
    pipeline.wait_for_the_lake(&bus);

    let counts = duckdb::query(
        pipeline.folder(),
        "select (select count(*) from 'FOLDER/lake/hits/*/*.parquet'), (select count(*) from 'FOLDER/lake/sessions/*/*.parquet'),
                (select sum(hit_count)::bigint from 'FOLDER/lake/sessions/*/*.parquet'), (select count(*) from 'FOLDER/lake/late/*/*.parquet')",
    );
    assert_eq!(counts, json!([[30, 10, 30, 1]]));
    assert_eq!(model::differences(&bus, settings()), [""; 0]);

    for (topic, least, field) in
        [(Topic::Hits, 31, "hit_id"), (Topic::Sessions, 10, "closed_by"), (Topic::Late, 1, "late_reason")]
    {
        let read = broker.console_consumer(&pipeline.topic(topic), &["--timeout-ms", "3000"]);
        let records: Vec<Value> = read.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let with_field = records.iter().filter(|record| record[field].is_string()).count();
        assert_eq!(with_field, least, "{topic}: {read:?}");
    }

    for service in [&mut collector, &mut sessionizer, &mut lake_writer] {
        assert!(service.stop().success(), "{}", service.log());
    }
    pipeline.must_be_sound();

    // The same log on the embedded bus, ticks included, gives the same sessions, to the byte.
    let directory = tempfile::tempdir().unwrap();
    let embedded = sessionized_copy(&bus, directory.path());
    for topic in [Topic::Sessions, Topic::HitsEnriched, Topic::Late] {
        assert_eq!(copy::values(&bus, topic), copy::values(&embedded, topic), "{topic}");
    }
}

/// An embedded log with the same hits and ticks, sessionized to its end.
fn sessionized_copy(kafka: &SharedBus, folder: &Path) -> SharedBus {
    let options = bus::embedded::Options { partitions: kafka.partitions(), ..bus::embedded::Options::at(folder) };
    let embedded: SharedBus = Arc::new(EmbeddedBus::open(options).unwrap());
    copy::hits(kafka, &embedded, Stamps::Kept);
    // It is told to stop before it has begun: so it processes what stands in the log, and adds no tick of its own.
    let (config, stopped) = (sessionizer::Config { settings: settings(), ..Default::default() }, Shutdown::new());
    stopped.cancel();
    sessionizer::run(&config, &embedded, &stopped, &Health::default()).unwrap();
    embedded
}

#[test]
fn an_access_log_gives_the_same_sessions_on_kafka_as_on_the_embedded_bus() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tributary/tests/data/access_sample.log");
    let real = real_file("apache_access.log.gz");
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let url = format!("embedded:{}", folder.join("bus").display());
    let mut replay = tributary(["replay", "--format", "combined", "--json", "--bus", &url, "--lake"]);
    let output = replay.arg(folder.join("lake")).arg(real.as_deref().unwrap_or(&sample)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = summary["sessions"].as_u64().unwrap();
    assert!(if real.is_some() { expected == 3223 } else { expected > 50 }, "{summary}");

    let broker = broker();
    // No ticks: the log has an end.
    let windows = ["--idle-interval", "1h"];
    let pipeline = Pipeline::new(slice::from_ref(broker), &topic_prefix("access"), &windows, WindowSettings::default());
    let embedded: SharedBus = EmbeddedBus::open_beside(&folder.join("bus")).unwrap();
    let made = bus::kafka::Options::at(vec![broker.bootstrap()], pipeline.topic_prefix());
    let kafka: SharedBus = Arc::new(KafkaBus::open(made).unwrap());
    copy::hits(&embedded, &kafka, Stamps::New);
    let mut services = [pipeline.sessionizer("sessionizer"), pipeline.lake_writer("lake-writer")];
    services.iter_mut().for_each(support::service::Service::start);

    wait_until("all sessions", || count(&kafka, Topic::Sessions) as u64 == expected);
    for topic in [Topic::Sessions, Topic::HitsEnriched, Topic::Late] {
        wait_until(topic.name(), || count(&kafka, topic) >= count(&embedded, topic));
        assert!(copy::values(&kafka, topic) == copy::values(&embedded, topic), "{topic} differs");
    }
    pipeline.wait_for_the_lake(&kafka);
    let rows = duckdb::query(pipeline.folder(), "select count(*) from 'FOLDER/lake/sessions/*/*.parquet'");
    assert_eq!(rows, json!([[expected]]));
    services.iter_mut().for_each(|service| assert!(service.stop().success(), "{}", service.log()));
    pipeline.must_be_sound();
}
