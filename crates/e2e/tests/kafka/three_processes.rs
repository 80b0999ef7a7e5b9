//! The three services, each a process of its own: hits become rows, a stranger's console consumer reads the topics as text,
//! and the sessions are to the byte those of the embedded bus.

use std::path::Path;
use std::sync::Arc;

use bus::SharedBus;
use bus::embedded::EmbeddedBus;
use events::Topic;
use serde_json::{Value, json};
use service::{Health, Shutdown};

use crate::copy::{self, Stamps};
use crate::short::{Short, settings};
use crate::support::kafka::{broker, count, hit, post, wait_until};
use crate::support::load::now_ms;
use crate::support::service::Service;
use crate::support::{duckdb, expected};

#[test]
fn three_processes_bring_hits_into_the_lake_and_anybody_can_read_the_topics() {
    let broker = broker();
    let (pipeline, mut collector, url) = Short::unstarted(broker, "three");
    let mut sessionizer = pipeline.sessionizer("sessionizer");
    let mut lake_writer = pipeline.lake_writer("lake-writer");
    // All at once, as an operator would: each makes the topics that are absent, and bears that others do so, too.
    collector.start();
    sessionizer.start();
    lake_writer.start();
    [&mut collector, &mut sessionizer, &mut lake_writer].into_iter().for_each(Service::wait_until_ready);

    let hits: Vec<_> = (0..30).map(|n| hit(n, n % 10)).collect();
    post(&url, &hits);
    let bus = pipeline.log();
    wait_until("30 enriched hits", || count(&bus, Topic::HitsEnriched) == 30);
    let mut late = hit(30, 3);
    late["client_time"] = (now_ms() - 3_600_000).into();
    post(&url, &[late]);
    wait_until("10 sessions and a late hit", || count(&bus, Topic::Sessions) == 10 && count(&bus, Topic::Late) == 1);
    pipeline.wait_for_the_lake(&bus);

    let counts = duckdb::query(
        pipeline.folder(),
        "select (select count(*) from 'FOLDER/lake/hits/*/*.parquet'), (select count(*) from 'FOLDER/lake/sessions/*/*.parquet'),
                (select sum(hit_count)::bigint from 'FOLDER/lake/sessions/*/*.parquet'), (select count(*) from 'FOLDER/lake/late/*/*.parquet')",
    );
    assert_eq!(counts, json!([[30, 10, 30, 1]]));
    assert_eq!(expected::differences(&bus, settings()), [""; 0]);

    for service in [&mut collector, &mut sessionizer, &mut lake_writer] {
        assert!(service.stop().success(), "{}", service.log());
    }
    pipeline.must_be_sound();

    // A stranger reads as much as stands there by then: nothing is added any more.
    let text_of = |topic, field, expected| {
        let records = count(&bus, topic).to_string();
        let flags = ["--isolation-level", "read_committed", "--max-messages", &records];
        let read = broker.console_consumer(&pipeline.topic(topic), &flags);
        let records: Vec<Value> = read.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records.iter().filter(|record| record[field].is_string()).count(), expected, "{topic}: {read:?}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| text_of(Topic::Hits, "hit_id", 31));
        scope.spawn(|| text_of(Topic::Sessions, "closed_by", 10));
        scope.spawn(|| text_of(Topic::Late, "late_reason", 1));
    });

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
