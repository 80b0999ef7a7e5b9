//! Mistakes in the settings: each ends the start with one line that says how to mend it, and leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::path::Path;

use support::{text, tributary};
use tempfile::tempdir;

/// What is said to a command line in a folder of its own, whose name is shown as `DIR`.
fn refusal(line: &str) -> String {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let line = line.replace("DIR", data.to_str().unwrap());
    let args: Vec<_> = line.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
    let output = tributary().args(&args).current_dir(folder.path()).output().unwrap();
    let said = text(&output.stderr).replace(data.to_str().unwrap(), "DIR");
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{args:?}: {said}");
    assert!(is_empty(folder.path()), "{args:?} left something behind");
    said.trim_end().to_owned()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn every_mistake_is_one_line_that_says_how_to_mend_it() {
    let lines = [
        // A log that forgets before the lake has it.
        "up --data DIR --retention 1ms --flush-interval 10m",
        "up --data DIR --retention 24h",
        "--data DIR --retention 59m --gap 1s --lateness 1s --max-session 1s",
        "collector --data DIR --retention 59m",
        "sessionizer --data DIR --retention 2h --gap 1h --lateness 30m --max-session 1h",
        "lake-writer --data DIR --retention 2h --flush-interval 3h",
        // A password, which is not said again.
        "up --bus kafka://user:secret@host:9092",
        "sessionizer --bus=kafka:user:secret@host:9092",
        // Values that nothing can work with.
        "up --data DIR --log infoo",
        "up --data DIR --log info,colector",
        "up --data DIR --log collector=loud",
        "up --data DIR --target-file-size 0B",
        "up --data DIR --max-queued 0B",
        "up --data DIR --idle-interval 1000000d",
        "up --data DIR --commit-interval 0ms",
        "sessionizer --data DIR --commit-interval 1m",
        "sessionizer --data DIR --commit-records 0",
        "sessionizer --data DIR --commit-bytes 1KiB",
        "up --data DIR --commit-bytes 1GiB",
        "up --bus kafka://host:9092 --topic-prefix bad/name.",
        "up --bus kafka://host:9092 --topic-prefix ''",
        // Values that do not fit each other.
        "up --data DIR --gap 2h --max-session 1h",
        "replay --lake DIR --gap 2h --max-session 1h FILE",
        "collector --data DIR --max-in-flight 0B",
        "collector --data DIR --tls-certificate DIR/site.pem",
        "up --data DIR --tls-key DIR/site.key",
        "up --data DIR --lake DIR/bus",
        "lake-writer --bus embedded:DIR --lake file://DIR/inside",
        // What is for Kafka.
        "up --data DIR --replication-factor 3",
        "tail hits --data DIR --kafka-config kafka.properties",
        "up --data DIR --create-topics false",
        "up --data DIR --spool DIR/spool",
    ];
    let said: Vec<_> = lines.map(|line| format!("{line}\n  {}", refusal(line))).into();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_longest_topic_still_has_a_name_that_kafka_takes() {
    let longest = events::Topic::ALL.map(|topic| topic.name().len()).into_iter().max().unwrap();
    let prefixed = |length: usize| format!("tail hits --data DIR --topic-prefix {}", "p".repeat(length));
    assert!(refusal(&prefixed(250 - longest)).contains("begins no topic"));
    // The next thing that is wrong is what is said.
    let fits = prefixed(249 - longest) + " --replication-factor 3";
    assert!(refusal(&fits).contains("--replication-factor is for Kafka alone"));
}

#[test]
fn a_password_in_the_place_of_a_bus_is_said_nowhere() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("tributary.toml");
    std::fs::write(&file, "bus = 'kafka://user:secret@host:9092'").unwrap();
    let by_variable = tributary().env("TRIBUTARY_BUS", "kafka://user:secret@host:9092").output().unwrap();
    let by_file = tributary().arg("--config").arg(&file).output().unwrap();
    for output in [by_variable, by_file] {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("TRIBUTARY_KAFKA_PASSWORD") && said.contains("--kafka-config"), "{said}");
        assert!(!said.contains("secret") && !said.contains("user:"), "{said}");
    }
}
