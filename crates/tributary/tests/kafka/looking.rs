//! `tail` and `verify`, beside those who write.

use std::time::Instant;

use kafka_broker::{shared, topic_prefix};
use tempfile::tempdir;

use crate::process::{PATIENCE, Up, tail, verify};
use crate::support::{rows, text, tributary};

#[test]
fn what_is_drained_has_nothing_pending_though_transactions_take_offsets() {
    let (broker, prefix, data) = (shared().bootstrap(), topic_prefix("looking"), tempdir().unwrap());
    let lake = data.path().join("lake");
    let up = Up::start(&broker, &prefix, data.path());
    for visitor in ["a", "b", "c"] {
        assert_eq!(up.collect(visitor), 200);
    }
    // From the start, to the end as it is now; a transaction may still be on its way.
    let begun = Instant::now();
    let enriched = loop {
        let enriched = tail(&broker, &prefix, &["hits.enriched", "--no-follow"]);
        if enriched.len() == 3 {
            break enriched;
        }
        assert!(begun.elapsed() < PATIENCE, "{enriched:?}");
    };
    assert!(enriched.iter().all(|record| record["value"]["site"] == "s"), "{enriched:?}");
    assert_eq!(tail(&broker, &prefix, &["hits.enriched", "--no-follow", "--from-end"]), [""; 0]);
    let partition = enriched[0]["partition"].to_string();
    let one = tail(&broker, &prefix, &["hits.enriched", "--no-follow", "--partition", &partition]);
    assert!(!one.is_empty() && one.iter().all(|record| record["partition"] == enriched[0]["partition"]), "{one:?}");

    let (status, _) = up.stop();
    assert!(status.success());
    assert_eq!(rows(&lake, "hits").len(), 3);
    let (found, code) = verify(&broker, &prefix, &lake);
    let series = found["series"].as_array().unwrap();
    assert_eq!((code, series.len()), (0, 16), "{found}");
    assert!(series.iter().all(|series| series["pending"] == 0), "{found}");
    let of_hits = series.iter().filter(|series| series["table"] == "hits");
    let (rows, offsets) = of_hits.fold((0, 0), |(rows, offsets), series| {
        (rows + series["rows"].as_u64().unwrap(), offsets + series["log_end"].as_u64().unwrap())
    });
    assert!(rows == 3 && offsets > 3, "{found}");

    // What nobody has written into the lake yet is pending, and counted.
    let elsewhere = tempdir().unwrap();
    let (found, code) = verify(&broker, &prefix, elsewhere.path());
    let of_hits = found["series"].as_array().unwrap().iter().filter(|series| series["table"] == "hits");
    assert_eq!(of_hits.map(|series| series["pending"].as_u64().unwrap()).sum::<u64>(), 3, "{found}");
    assert_eq!(code, 0);
}

#[test]
fn whoever_looks_leaves_no_trace() {
    let (broker, prefix, data) = (shared().bootstrap(), topic_prefix("looking"), tempdir().unwrap());
    let lake = data.path().join("lake");
    std::fs::create_dir(&lake).unwrap();
    let verify = || {
        let mut command = tributary();
        command.args(["verify", "--bus", &format!("kafka://{broker}"), "--topic-prefix", &prefix, "--lake"]);
        let output = command.arg(&lake).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr).to_owned()
    };
    assert!(verify().contains("there is no topic"), "{}", verify());
    drop(bus::kafka::KafkaBus::open(bus::kafka::Options::at(vec![broker.clone()], prefix.as_str())).unwrap());
    assert!(verify().contains("has no id yet"), "{}", verify());
    assert_eq!(tail(&broker, &prefix, &["sessions.open", "--no-follow"]), [""; 0]);
}

#[test]
fn a_tail_that_follows_shows_what_comes() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let (broker, prefix, data) = (shared().bootstrap(), topic_prefix("looking"), tempdir().unwrap());
    let up = Up::start(&broker, &prefix, data.path());
    assert_eq!(up.collect("before"), 200);
    let mut follow = tributary();
    follow.args(["tail", "hits", "--from-end", "--bus", &format!("kafka://{broker}"), "--topic-prefix", &prefix]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    // It may not have begun when the first of these comes.
    let shown = std::thread::spawn(move || lines.next().unwrap().unwrap());
    let begun = Instant::now();
    while !shown.is_finished() {
        assert_eq!(up.collect("after"), 200);
        assert!(begun.elapsed() < PATIENCE, "nothing is shown");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let shown = shown.join().unwrap();
    // Ticks and settings are in this topic, too.
    assert!(!shown.contains("before"), "{shown}");
    follow.kill().unwrap();
    follow.wait().unwrap();
    drop(up);
}
