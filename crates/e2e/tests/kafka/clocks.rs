//! Clocks that are wrong.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bus::SharedBus;
use clap::Parser;
use collector::Collector;
use collector::policy::Policy;
use events::{Span, Topic, Uuid};
use kafka_broker::{Broker, clock_ahead};
use serde_json::Value;
use service::{EdgeArgs, Health, Shutdown, clock};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::short::{Short, values};
use crate::support::kafka::{broker, count, hit, options, post};

/// A broker whose clock is wrong, and a pipeline on it: all hits are in final sessions, and none is late, though the next
/// ones would be if an hour that nobody lived through had moved a watermark. Gives the enriched hits.
fn sessions_with_a_wrong_clock(seconds: i64) -> Vec<Value> {
    let [(preload, library), (ahead, _)] = clock_ahead(Duration::ZERO);
    let broker = Broker::start(options().environment(&preload, library).environment(&ahead, seconds));
    let mut short = Short::begin(&broker, "clock");
    short.sessionizer.start_and_wait();
    short.send(0..40);
    short.all_is_final(40);
    short.send(40..80);
    short.all_is_final(80);
    assert_eq!(count(&short.bus, Topic::Late), 0);
    values(&short.bus, Topic::HitsEnriched)
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

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    edge: EdgeArgs,
}

/// Sends hits of these visitors to a collector whose clock, and no other, is an hour ahead. It runs here, and ends with this.
fn send_by_one_ahead(bus: SharedBus, numbers: Range<u64>) {
    let runtime = Runtime::new().unwrap();
    let Flags { edge } = Flags::parse_from(["collector"]);
    let (now, policy) = (clock::system(), Policy::open(&edge.policy).unwrap());
    let ahead = Arc::new(move || now() + Span::from_hours(1));
    let collector = Collector::new(&edge, policy, bus).with_clock_and_ids(ahead, Arc::new(|_| Uuid::nil()));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/collect", listener.local_addr().unwrap());
    runtime.spawn(async move { collector.run(listener, &Health::default(), Shutdown::new()).await });
    post(&url, &numbers.map(|n| hit(n, n % 20)).collect::<Vec<_>>());
}

#[test]
fn one_collector_an_hour_ahead_of_another_makes_no_hit_of_that_one_late() {
    let mut short = Short::begin(broker(), "ahead");
    short.sessionizer.start_and_wait();
    short.send(0..20);
    send_by_one_ahead(short.bus.clone(), 20..40);
    short.send(40..60);
    short.all_is_final(60);
    short.send(60..80);
    short.all_is_final(80);
    assert_eq!(count(&short.bus, Topic::Late), 0);
    let hits = values(&short.bus, Topic::HitsEnriched);
    let clamped = hits.iter().filter(|hit| hit["clamped"] == true);
    let clamped: BTreeSet<_> = clamped.map(|hit| hit["hit_id"].as_str().unwrap()).collect();
    let ahead: Vec<_> = (20..40).map(|n| hit(n, 0)["hit_id"].as_str().unwrap().to_owned()).collect();
    assert!(clamped.into_iter().eq(&ahead), "{hits:?}");
}
