//! A Kafka that is stopped under load, for longer than any record waits for it: every hit is taken all the same, and each
//! one that was acknowledged is in the log, those of a visitor in their order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod edge;
mod lake;
mod log;
mod outage;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use edge::{Edge, Site};
use kafka_broker::Broker;
use log::Log;
use support::process::PATIENCE;

/// Longer than a record waits for the broker: what went to it is given up by then.
const OUTAGE: Duration = Duration::from_secs(12);

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "it did not come to {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_broker_that_is_stopped_under_load_costs_nobody_a_hit() {
    let mut broker = Broker::start(kafka_broker::Options::new());
    let site = Site::before(&broker);
    let mut edge = Edge::start(&site, "edge");
    let mut load = edge.load(400, 24);
    std::thread::sleep(Duration::from_secs(3));
    broker.stop();
    wait_until("hits in the spool", || edge.segments() > 0);
    std::thread::sleep(OUTAGE);
    broker.restart();
    let code = load.wait().and_then(|status| status.code());
    println!("{}", edge.report());
    assert_eq!(code, Some(0), "somebody was refused: {} {}", edge.report(), edge.text_of_log());
    wait_until("an empty spool", || edge.segments() == 0);
    // It says so a moment after the last file is gone.
    wait_until("word of it", || edge.text_of_log().contains("the spool is empty"));
    assert_eq!(edge.collector.stop().code(), Some(0), "{}", edge.text_of_log());

    let log = Log::read(&broker.bootstrap());
    println!("{}", log.must_hold(&edge.acknowledged()));
    assert_eq!(log.told.len(), 4, "every partition was told that hits come late");
}

#[test]
fn a_collector_that_is_killed_or_stopped_while_the_broker_is_away_sends_on_what_it_kept() {
    let mut broker = Broker::start(kafka_broker::Options::new());
    let site = Site::before(&broker);
    let mut edge = Edge::start(&site, "edge");
    for signal in ["KILL", "TERM"] {
        // For as long as it takes the broker to stop, and the collector to end.
        let mut load = edge.load(400, 120);
        std::thread::sleep(Duration::from_millis(1500));
        broker.stop();
        wait_until("hits in the spool", || edge.segments() > 0);
        std::thread::sleep(Duration::from_millis(500));
        edge.collector.signal(signal);
        let code = edge.collector.wait().and_then(|status| status.code());
        assert_eq!(code, (signal == "TERM").then_some(0), "{}", edge.text_of_log());
        load.signal("INT");
        assert!(load.wait().is_some(), "the load goes on");
        assert!(edge.segments() > 0, "what it took is there");
        let mut acknowledged = edge.acknowledged();

        // Who comes back in the middle of it takes hits, too.
        edge.start_again();
        let code = edge.load(400, 2).wait().and_then(|status| status.code());
        assert_eq!(code, Some(0), "{} {}", edge.report(), edge.text_of_log());
        broker.restart();
        wait_until("an empty spool", || edge.segments() == 0);
        acknowledged.extend(edge.acknowledged());
        println!("{}", Log::read(&broker.bootstrap()).must_hold(&acknowledged));
    }
}
