//! Clocks that are wrong.

use std::time::Duration;

use events::Topic;
use kafka_broker::{Broker, clock_ahead};
use serde_json::Value;

use crate::short::{Short, values};
use crate::support::kafka::{count, options};

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
