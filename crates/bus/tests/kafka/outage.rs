//! A broker that is not there, goes away, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Limits, Options};
use bus::{BusError, Group, Polled, SharedBus, Step};
use events::{NextOffset, Topic};
use futures::executor::block_on;
use kafka_broker::Broker;

use crate::support::{self, HITS};

#[test]
fn a_broker_that_is_not_there_is_one_line_within_the_time_given() {
    let limits = Limits { connect: Duration::from_secs(2), ..Limits::default() };
    let begun = Instant::now();
    let options = Options { limits, ..Options::at(vec!["127.0.0.1:1".to_owned()], "none.") };
    let error = KafkaBus::open(options).map(|_| ()).unwrap_err();
    let BusError::Unavailable(line) = &error else { panic!("{error:?}") };
    assert!(line.starts_with("no connection to 127.0.0.1:1: ") && line.contains("Connection refused"), "{line}");
    assert!(begun.elapsed() < Duration::from_secs(30) && !line.contains('\n'));
}

/// Each call is acknowledged or fails; what was acknowledged stands after the broker was killed and came back.
#[test]
fn nothing_acknowledged_is_lost_when_the_broker_is_killed() {
    let mut broker = Broker::start(kafka_broker::Options::new().comes_back());
    let limits = Limits { publish: Duration::from_secs(2), ..support::limits() };
    let options = Options { limits, ..support::at(&broker.bootstrap(), "outage.") };
    let bus: SharedBus = Arc::new(KafkaBus::open(options).unwrap());
    let is_over = AtomicBool::new(false);
    let (acknowledged, failed) = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let (mut acknowledged, mut failed) = (Vec::new(), 0);
            for n in 0.. {
                match block_on(bus.publish(vec![support::record(HITS, n.to_string())])) {
                    Ok(()) => acknowledged.push(n.to_string()),
                    Err(BusError::Unavailable(_)) => failed += 1,
                    Err(error) => panic!("{error:?}"),
                }
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            (acknowledged, failed)
        });
        std::thread::sleep(Duration::from_secs(1));
        broker.kill();
        std::thread::sleep(Duration::from_secs(5));
        assert!(bus.queued_bytes() < 10_000);
        broker.restart();
        // Until it is taken again, with some to spare.
        let deadline = Instant::now() + PATIENCE;
        while block_on(bus.publish(vec![support::record(HITS, "back")])).is_err() {
            assert!(Instant::now() < deadline, "the producer does not recover");
        }
        std::thread::sleep(Duration::from_millis(500));
        is_over.store(true, Ordering::Relaxed);
        publisher.join().unwrap()
    });
    assert!(failed > 0, "an outage of five seconds with two seconds of patience must be noticed");
    let stands = support::values(&support::read_to_end(&bus, HITS, NextOffset::START));
    let own: Vec<_> = stands.iter().filter(|value| *value != "back").collect();
    let missing: Vec<_> = acknowledged.iter().filter(|value| !own.contains(value)).collect();
    assert_eq!(missing, [""; 0]);
    assert!(own.is_sorted_by_key(|value| value.parse::<u64>().unwrap()), "the order is kept, or a record stands twice");
    assert_eq!(bus.queued_bytes(), 0);
}

/// librdkafka forgets who it was when no coordinator answers for a session, and goes on sending heartbeats until somebody polls;
/// the coordinator that comes back has not forgotten, and takes it for another process of the same name.
///
/// The member commits no transaction here: a broker that is killed right behind one may lose the marker that ends it.
#[test]
fn a_member_with_an_instance_name_outlives_an_outage_longer_than_its_session() {
    let session = Duration::from_secs(2);
    let mut broker =
        Broker::start(kafka_broker::Options::new().comes_back().property("group.min.session.timeout.ms", 1000));
    let limits = Limits { session, ..support::limits() };
    let options = Options { limits, ..support::at(&broker.bootstrap(), "outage.") };
    let bus: SharedBus = Arc::new(KafkaBus::open(options).unwrap());
    let instance = Some("one".to_owned());
    let group = Group { name: "g".to_owned(), instance, topics: vec![Topic::Hits], produces: false };
    support::publish(&bus, HITS, &["before"]);
    let mut worker = bus.join(group.clone()).unwrap();
    let read = support::next_records(&mut *worker);
    worker.commit(Step { outputs: &[], positions: &[(HITS, read[0].offset.next())] }).unwrap();
    broker.kill();
    // As somebody does who waits for the broker in the middle of a step.
    std::thread::sleep(2 * session);
    broker.restart_without_waiting();
    let deadline = Instant::now() + PATIENCE;
    while block_on(bus.publish(vec![support::record(HITS, "after")])).is_err() {
        assert!(Instant::now() < deadline, "the broker is not back");
    }
    // Some heartbeats.
    std::thread::sleep(session / 2);
    // It may have to join anew, as the services do then; nobody else has its name.
    let after = loop {
        assert!(Instant::now() < deadline, "the member does not recover");
        match worker.poll(Duration::from_millis(100)) {
            Ok(Polled::Records { source: HITS, records }) => break records,
            Ok(_) => {}
            Err(BusError::Fenced(_) | BusError::Unavailable(_)) => worker = bus.join(group.clone()).unwrap(),
            Err(error) => panic!("{error:?}"),
        }
    };
    assert_eq!(support::values(&after)[0], "after");
    worker.commit(Step { outputs: &[], positions: &[(HITS, after[0].offset.next())] }).unwrap();
}
