//! Steps when somebody else has taken over, or left something open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Options, properties};
use bus::{BusError, Output, Polled, SharedBus, Step};
use events::NextOffset;

use crate::support::{self, ENRICHED, HITS};

const OUTPUT: Output<'static> = Output { target: ENRICHED, key: Some(b"example.org/v1"), value: Some(b"twice") };

#[test]
fn a_member_that_stayed_away_too_long_can_commit_nothing() {
    stays_away(None);
}

/// Its name keeps its place for as long as any other's session lasts, and no longer.
#[test]
fn a_member_with_a_name_that_stayed_away_too_long_can_commit_nothing() {
    stays_away(Some("i"));
}

fn stays_away(name: Option<&str>) {
    let prefix = kafka_broker::topic_prefix("stepping");
    let properties = properties::parse("max.poll.interval.ms=6000\nsession.timeout.ms=6000\n", |_| None).unwrap();
    let bus: SharedBus = Arc::new(KafkaBus::open(Options { properties, ..support::options(&prefix) }).unwrap());
    support::publish(&bus, HITS, &["a"]);
    let mut zombie = support::join(&bus, name);
    let read = support::next_records(&mut *zombie);
    let positions = [(HITS, read[0].offset.next())];

    // It says nothing any more, and its successor gets what it had.
    let mut successor = support::join(&bus, None);
    assert_eq!(support::next_records(&mut *successor), read);
    std::thread::scope(|scope| {
        let late = scope.spawn(move || {
            let late = zombie.commit(Step { outputs: &[OUTPUT], positions: &positions });
            (late, zombie.poll(Duration::ZERO))
        });
        // One with a name has its place until its session is over, and its step is tried that long.
        while !late.is_finished() {
            let polled = successor.poll(Duration::from_millis(100)).unwrap();
            assert!(!matches!(polled, Polled::Revoked(_)), "{polled:?}");
        }
        let (late, polled) = late.join().unwrap();
        assert!(matches!(late, Err(BusError::Fenced(_))), "{late:?}");
        assert!(matches!(polled, Err(BusError::Fenced(_))), "{polled:?}");
    });
    successor.commit(Step { outputs: &[OUTPUT], positions: &positions }).unwrap();
    assert_eq!(support::values(&support::read_to_end(&bus, ENRICHED, NextOffset::START)), ["twice"]);
}

/// What Java's clients have of these by themselves, so that files of theirs say it.
#[test]
fn a_step_is_made_under_the_limits_of_javas_clients() {
    let java = "request.timeout.ms=30000\nmax.in.flight.requests.per.connection=5\nretries=2147483647\nlinger.ms=5\n\
                session.timeout.ms=45000\nheartbeat.interval.ms=3000\nmax.poll.interval.ms=300000\nfetch.min.bytes=1\n\
                fetch.max.wait.ms=500\nmax.partition.fetch.bytes=1048576\nmetadata.max.age.ms=300000\n\
                reconnect.backoff.ms=50\nreconnect.backoff.max.ms=1000\nconnections.max.idle.ms=540000\n";
    let properties = properties::parse(java, |_| None).unwrap();
    let options = Options { properties, ..support::options(&kafka_broker::topic_prefix("stepping")) };
    let bus: SharedBus = Arc::new(KafkaBus::open(options).unwrap());
    support::publish(&bus, HITS, &["a"]);
    let mut worker = support::join(&bus, None);
    let read = support::next_records(&mut *worker);
    worker.commit(Step { outputs: &[OUTPUT], positions: &[(HITS, read[0].offset.next())] }).unwrap();
    assert_eq!(support::values(&support::read_to_end(&bus, ENRICHED, NextOffset::START)), ["twice"]);
}

#[test]
fn what_a_dead_namesake_left_open_is_ended_at_once() {
    let prefix = kafka_broker::topic_prefix("stepping");
    let broker = kafka_broker::shared().bootstrap();
    let bus = support::open(&prefix);
    let open = support::open_transaction(&broker, &format!("{prefix}g.i"), &format!("{prefix}hits.enriched"), "half");
    let begun = Instant::now();
    let mut worker = support::join(&bus, Some("i"));
    worker.commit(Step { outputs: &[OUTPUT], positions: &[] }).unwrap();
    assert_eq!(support::values(&support::read_to_end(&bus, ENRICHED, NextOffset::START)), ["twice"]);
    assert!(begun.elapsed() < PATIENCE);
    drop(open);
}

#[test]
fn a_step_that_the_broker_does_not_take_leaves_nothing_and_ends_the_member() {
    let prefix = kafka_broker::topic_prefix("stepping");
    let bus = support::open(&prefix);
    support::publish(&bus, HITS, &["a"]);
    let mut worker = support::join(&bus, Some("i"));
    let read = support::next_records(&mut *worker);
    let noise = support::too_much_for_late(&prefix);
    let outputs = [OUTPUT, Output { target: support::LATE, key: Some(b"k"), value: Some(&noise) }];
    let failed = worker.commit(Step { outputs: &outputs, positions: &[(HITS, read[0].offset.next())] });
    assert!(failed.is_err());
    assert!(worker.poll(Duration::ZERO).is_err(), "nothing says what counts: the member is done");
    drop(worker);

    assert_eq!(support::read_to_end(&bus, ENRICHED, NextOffset::START), []);
    let mut worker = support::join(&bus, Some("i"));
    assert_eq!(support::next_records(&mut *worker), read);
}
