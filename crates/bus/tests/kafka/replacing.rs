//! A producer that hears nothing while the broker answers others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Limits, Options};
use bus::{Bus, SharedBus};
use events::NextOffset;
use futures::executor::block_on;
use kafka_broker::Broker;

use crate::proxy::Proxy;
use crate::support::{self, HITS};

/// A log whose records wait for two seconds at most, so that four seconds of silence are too long.
fn open(bootstrap: &str) -> KafkaBus {
    let limits = Limits { publish: Duration::from_secs(2), ..support::limits() };
    KafkaBus::open(Options { limits, ..support::at(bootstrap, "replacing.") }).unwrap()
}

fn publish(bus: &KafkaBus, value: &'static str) -> bool {
    block_on(bus.publish(vec![support::record(HITS, value)])).is_ok()
}

/// The first connections of a busy machine may take longer than a record may wait.
fn publish_at_last(bus: &KafkaBus, value: &'static str) {
    let deadline = Instant::now() + PATIENCE;
    while !publish(bus, value) {
        assert!(Instant::now() < deadline, "{:?}", bus.condition());
    }
}

#[test]
fn a_producer_that_gets_no_acknowledgement_while_the_broker_answers_is_replaced() {
    let proxy = Proxy::new();
    let broker = Broker::start(kafka_broker::Options::new().advertised_port(proxy.address().port()));
    proxy.serve(broker.bootstrap());
    let bus = open(&proxy.address().to_string());
    publish_at_last(&bus, "before");
    let replaced = bus.condition().producers_replaced;
    proxy.swallow_records(true);
    let begun = Instant::now();
    while bus.condition().producers_replaced == replaced {
        assert!(!publish(&bus, "swallowed"), "nobody acknowledges it");
        assert!(begun.elapsed() < PATIENCE, "the producer stays");
    }
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(bus.condition().away, None, "the broker answers");
    proxy.swallow_records(false);
    while !publish(&bus, "after") {
        assert!(begun.elapsed() < PATIENCE, "the new producer does not recover");
    }
    let bus: SharedBus = Arc::new(bus);
    let stands = support::values(&support::read_to_end(&bus, HITS, NextOffset::START));
    assert_eq!((stands.first().unwrap().as_str(), stands.last().unwrap().as_str()), ("before", "after"));
    assert_eq!(bus.queued_bytes(), 0);
}

#[test]
fn while_the_broker_answers_nobody_a_producer_stays_and_the_bus_is_away() {
    // Its own controller must not give it up while both are frozen.
    let options = kafka_broker::Options::new().property("broker.session.timeout.ms", 60_000);
    let broker = Broker::start(options);
    let bus = open(&broker.bootstrap());
    publish_at_last(&bus, "before");
    let replaced = bus.condition().producers_replaced;
    broker.pause();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) || bus.condition().away.is_none() {
        publish(&bus, "unheard");
        assert!(begun.elapsed() < PATIENCE, "nobody notices");
    }
    let away = bus.condition().away.unwrap();
    assert!(!away.why.is_empty() && !away.why.contains('\n'), "{away:?}");
    broker.resume();
    let begun = Instant::now();
    while !publish(&bus, "after") || bus.condition().away.is_some() {
        assert!(begun.elapsed() < PATIENCE, "it is not back: {:?}", bus.condition());
    }
    assert_eq!(bus.condition().producers_replaced, replaced);
}
