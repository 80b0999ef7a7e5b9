//! `replay` through topics on a broker.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use kafka_broker::{shared, topic_prefix};
use serde_json::Value;
use tempfile::tempdir;

use crate::process::{tail, verify};
use crate::support::{files, sample, text, try_replay};

fn replay(prefix: &str, lake: &Path) -> Output {
    let (bus, sample) = (format!("kafka://{}", shared().bootstrap()), sample());
    let output = try_replay(lake, [sample.to_str().unwrap(), "--bus", &bus, "--topic-prefix", prefix]);
    // Sessionizer and lake-writer ask for the log's id at the same moment, in one process: neither fences the other.
    assert!(!text(&output.stderr).contains("ERROR"), "{}", text(&output.stderr));
    output
}

fn figures(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    figures.as_object_mut().unwrap().remove("seconds").unwrap();
    figures
}

/// The files of a lake, without what stands for readers: that names the lake.
fn data(lake: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(lake);
    files.retain(|name, _| !name.starts_with("_tables/"));
    files
}

#[test]
fn a_replay_through_kafka_makes_the_lake_of_one_through_the_embedded_bus_to_the_byte() {
    let (embedded, kafka) = (tempdir().unwrap(), tempdir().unwrap());
    let prefix = topic_prefix("replaying");
    let expected = figures(&try_replay(embedded.path(), [sample()]));
    assert_eq!(figures(&replay(&prefix, kafka.path())), expected);
    let made = data(kafka.path());
    assert!(made == data(embedded.path()), "{:?}", made.keys());

    let (found, code) = verify(&shared().bootstrap(), &prefix, kafka.path());
    let series = found["series"].as_array().unwrap();
    assert!(code == 0 && series.iter().all(|series| series["pending"] == 0), "{found}");
    let sessions = tail(&shared().bootstrap(), &prefix, &["sessions", "--no-follow"]);
    assert_eq!(sessions.len(), 100);

    // The same once more: not into the same topics, and nothing more into the same lake.
    let again = replay(&prefix, kafka.path());
    assert_eq!(again.status.code(), Some(2));
    let line = text(&again.stderr);
    assert!(line.contains("hold records") && line.contains(&format!("--topic-prefix {prefix}")), "{line}");
    assert_eq!(figures(&replay(&topic_prefix("replaying"), kafka.path())), expected);
    assert!(data(kafka.path()) == made);
}

#[test]
fn topics_of_a_live_log_are_refused() {
    let (prefix, lake) = (topic_prefix("replaying"), tempdir().unwrap());
    let options = bus::kafka::Options::at(vec![shared().bootstrap()], prefix.as_str());
    drop(bus::kafka::KafkaBus::open(options).unwrap());
    let output = replay(&prefix, lake.path());
    assert_eq!(output.status.code(), Some(2));
    let line = text(&output.stderr);
    assert!(line.contains("not one for a replay") && line.contains("name another --topic-prefix"), "{line}");
    assert_eq!(line.lines().count(), 1);
}
