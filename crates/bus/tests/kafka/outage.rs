//! A broker that is not there, goes away, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::kafka::{KafkaBus, Limits, Options};
use bus::{BusError, SharedBus};
use events::NextOffset;
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
    let mut broker = Broker::start(kafka_broker::Options::new());
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
        let deadline = Instant::now() + bus::contract::PATIENCE;
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
