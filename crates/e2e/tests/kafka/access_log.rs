//! A server's log, record by record from the embedded bus to Kafka.

use std::path::Path;
use std::slice;
use std::sync::Arc;

use bus::SharedBus;
use bus::embedded::EmbeddedBus;
use bus::kafka::KafkaBus;
use events::{Topic, WindowSettings};
use kafka_broker::topic_prefix;
use serde_json::{Value, json};

use crate::copy::{self, Stamps};
use crate::support::binary::tributary;
use crate::support::duckdb;
use crate::support::kafka::{Pipeline, broker, count, wait_until};
use crate::support::real_file::real_file;
use crate::support::service::Service;

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
    services.iter_mut().for_each(Service::start);

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
