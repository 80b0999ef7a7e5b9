//! The sessionizer on a real bus: what goes in comes out once, across restarts and idle times.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod between;
mod restoring;
mod standing_still;
mod steps;
mod support;
mod trouble;

use std::collections::BTreeMap;

use bus::Outgoing;
use events::{Control, Span, Topic};
use sessionizer::Config;

use support::*;

#[test]
fn a_bounded_log_is_processed_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let start = now() - Span::from_hours(2);
    let mut records: Vec<_> =
        (0..1000).map(|n| hit(n, &format!("v{}", n % 100), start + Span::from_secs(n as i64))).collect();
    records.push(hit(7, "v7", start + Span::from_secs(7)));
    records.extend((0..PARTITIONS).map(|partition| control(partition, Control::End)));
    publish(&bus, records);

    let summary = run_bounded(&bus);
    assert_eq!((summary.counts.enriched, summary.counts.duplicates, summary.counts.sessions), (1000, 1, 100));
    assert_eq!(read(&bus, Topic::HitsEnriched).len(), 1000);
    let sessions = read(&bus, Topic::Sessions);
    assert_eq!(sessions.len(), 100);
    assert!(sessions.iter().all(|session| session["hit_count"] == 10 && session["closed_by"] == "end_of_input"));
}

#[test]
fn an_idle_partition_is_ticked_until_its_sessions_are_final() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(1, "v1", now())]);
    run_until(&bus, &hasty(200), |bus| read(bus, Topic::Sessions).len() == 1);
    let session = &read(&bus, Topic::Sessions)[0];
    assert_eq!((&session["hit_count"], &session["closed_by"]), (&1.into(), &"gap".into()));
    assert!(read(&bus, Topic::Hits).iter().any(|record| record["control"] == "tick"));
}

#[test]
fn a_restart_goes_on_where_it_stopped_and_counts_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    for round in 0..4u128 {
        publish(&bus, (0..50).map(|n| hit(round * 50 + n, &format!("v{}", n % 5), now())).collect());
        let expected = (round as usize + 1) * 50;
        run_until(&bus, &Config::default(), |bus| read(bus, Topic::HitsEnriched).len() == expected);
    }
    publish(&bus, (0..PARTITIONS).map(|partition| control(partition, Control::End)).collect());
    run_bounded(&bus);
    let mut rows = BTreeMap::new();
    for row in read(&bus, Topic::HitsEnriched) {
        *rows.entry(row["hit_id"].to_string()).or_insert(0) += 1;
    }
    assert_eq!(rows.len(), 200);
    assert!(rows.values().all(|&times| times == 1));
    let sessions = read(&bus, Topic::Sessions);
    assert_eq!(sessions.len(), 5);
    assert!(sessions.iter().all(|session| session["hit_count"] == 40));
}

#[test]
fn other_settings_are_written_to_the_log_and_hold_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(1, "v1", now())]);
    run_until(&bus, &Config::default(), |bus| read(bus, Topic::HitsEnriched).len() == 1);
    // With half an hour's gap the session would stay open for as long as anybody waits.
    run_until(&bus, &hasty(200), |bus| read(bus, Topic::Sessions).len() == 1);
    let settings: Vec<_> =
        read(&bus, Topic::Hits).into_iter().filter(|record| record["control"] == "settings").collect();
    assert!(settings.iter().any(|record| record["gap"] == "200ms"), "{settings:?}");
}

#[test]
fn a_record_that_is_no_hit_is_rejected_with_its_place_and_the_rest_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let garbage = |value: &'static [u8]| Outgoing {
        topic: Topic::Hits,
        partition: Some(1),
        key: None,
        value: value.into(),
        append_time: None,
    };
    publish(&bus, vec![garbage(b"no hit"), garbage(b"{\"control\":\"dance\"}"), garbage(b"\xff\xfe")]);
    let mut after = hit(1, "v1", now());
    after.partition = Some(1);
    publish(&bus, vec![after, control(0, Control::End), control(1, Control::End)]);
    let summary = run_bounded(&bus);
    assert_eq!((summary.counts.rejected, summary.counts.enriched), (3, 1));
    let rejected = read(&bus, Topic::Rejected);
    let origins: Vec<_> = rejected
        .iter()
        .map(|record| (record["origin"].as_str().unwrap(), record["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(origins, [("hits/1@0", "invalid_json"), ("hits/1@1", "invalid_json"), ("hits/1@2", "invalid_utf8")]);
}

/// A person who stops `up` right after a hit was acknowledged finds it in the lake.
#[test]
fn what_stands_in_the_log_is_processed_before_a_stop() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(0, "v0", now())]);
    // The rest comes when the first row is there and the stop is said a moment later.
    run_until(&bus, &Config::default(), |bus| {
        let has_begun = !read(bus, Topic::HitsEnriched).is_empty();
        if has_begun {
            publish(bus, (1..20_000).map(|n| hit(n, &format!("v{}", n % 50), now())).collect());
        }
        has_begun
    });
    let rows: std::collections::BTreeSet<_> =
        read(&bus, Topic::HitsEnriched).iter().map(|row| row["hit_id"].to_string()).collect();
    assert_eq!(rows.len(), 20_000);
}
