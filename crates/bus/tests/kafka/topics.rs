//! Topics that are made, and those that are refused.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Options, Stamps};
use bus::{Bus, BusError};
use events::{LogId, Span, Timestamp, Topic};
use futures::executor::block_on;
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::support::{self, ENRICHED, HITS};

/// What the broker says of a topic's partitions; 0: there is no such topic.
fn partitions_of(topic: &str) -> usize {
    let client: BaseConsumer = support::raw(&kafka_broker::shared().bootstrap()).create().unwrap();
    let metadata = client.fetch_metadata(Some(topic), PATIENCE).unwrap();
    metadata.topics()[0].partitions().len()
}

fn wait_for_partitions(topic: &str, wanted: usize) {
    let begun = Instant::now();
    while partitions_of(topic) != wanted {
        assert!(begun.elapsed() < PATIENCE, "{topic} does not come to {wanted} partitions");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// As an operator adds partitions.
fn add_partitions(topic: &str, wanted: usize) {
    let admin = support::admin(&kafka_broker::shared().bootstrap());
    let results =
        block_on(admin.create_partitions(&[NewPartitions::new(topic, wanted)], &AdminOptions::new())).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    wait_for_partitions(topic, wanted);
}

fn delete(topic: &str) {
    let admin = support::admin(&kafka_broker::shared().bootstrap());
    let results = block_on(admin.delete_topics(&[topic], &AdminOptions::new())).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    wait_for_partitions(topic, 0);
}

fn refused(options: Options) -> String {
    let error = KafkaBus::open(options).map(|_| ()).unwrap_err();
    let BusError::Refused(line) = error else { panic!("{error:?}") };
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn absent_topics_are_made_only_where_that_is_wished() {
    let prefix = kafka_broker::topic_prefix("topics");
    let line = refused(Options { create_topics: false, ..support::options(&prefix) });
    assert!(line.contains("kafka-topics.sh --bootstrap-server 127.0.0.1:"), "{line}");
    assert!(line.contains(&format!("--create --topic {prefix}hits --partitions 4 ")), "{line}");
    drop(support::open(&prefix));
    drop(KafkaBus::open(Options { create_topics: false, ..support::options(&prefix) }).unwrap());
}

#[test]
fn more_copies_than_brokers_are_refused() {
    let prefix = kafka_broker::topic_prefix("topics");
    let line = refused(Options { replication_factor: 3, ..support::options(&prefix) });
    assert!(line.contains("cannot be created with 3 copies of each record: there is 1 broker; "), "{line}");
    assert!(line.ends_with("or say --replication-factor 1"), "{line}");
    drop(support::open(&prefix));
    let line = refused(Options { replication_factor: 2, ..support::options(&prefix) });
    assert!(line.contains("has 1 copies of each record"), "{line}");
}

#[test]
fn another_number_of_partitions_is_refused() {
    let prefix = kafka_broker::topic_prefix("topics");
    drop(support::open(&prefix));
    let line = refused(Options { partitions: 3, ..support::options(&prefix) });
    assert!(line.contains("has 4 partitions, not 3") && line.contains("--partitions 4"), "{line}");
}

#[test]
fn topics_that_differ_among_themselves_offer_no_number_of_partitions() {
    let prefix = kafka_broker::topic_prefix("topics");
    drop(support::open(&prefix));
    add_partitions(&format!("{prefix}hits"), 6);
    for partitions in [4, 6] {
        let line = refused(Options { partitions, ..support::options(&prefix) });
        let names = [("hits", 6), ("rejected", 4)].map(|(name, count)| format!("{prefix}{name} has {count}"));
        assert!(names.iter().all(|name| line.contains(name)) && !line.contains("--partitions"), "{line}");
        assert!(line.ends_with("go on under a new --topic-prefix"), "{line}");
    }
    let others = Topic::ALL.into_iter().filter(|topic| *topic != Topic::Hits);
    others.for_each(|topic| add_partitions(&format!("{prefix}{topic}"), 6));
    let line = refused(support::options(&prefix));
    assert!(line.contains("has 6 partitions, not 4: start with --partitions 6"), "{line}");
    drop(KafkaBus::open(Options { partitions: 6, ..support::options(&prefix) }).unwrap());
}

#[test]
fn partitions_that_are_added_under_a_group_end_its_members_for_good() {
    let prefix = kafka_broker::topic_prefix("topics");
    let bus = support::open(&prefix);
    support::publish(&bus, HITS, &["a"]);
    let mut older = support::join(&bus, None);
    support::next_records(&mut *older);
    add_partitions(&format!("{prefix}hits"), 5);
    // Who joins has the group look at the topic at once.
    for mut member in [support::join(&bus, None), older] {
        let begun = Instant::now();
        let error = loop {
            match member.poll(Duration::from_millis(100)) {
                Err(error) => break error,
                Ok(_) => assert!(begun.elapsed() < PATIENCE, "nobody says that there are more partitions"),
            }
        };
        let line = error.to_string();
        assert!(!error.is_passing(true) && !line.contains('\n'), "{error:?}");
        assert!(line.contains(&format!("topic {prefix}hits has more than the log's 4 partitions")), "{line}");
        assert!(line.ends_with("go on under a new --topic-prefix"), "{line}");
    }
}

#[test]
fn a_state_that_is_gone_is_not_begun_anew_beside_what_it_led_to() {
    let prefix = kafka_broker::topic_prefix("topics");
    let bus = support::open(&prefix);
    let state = format!("{prefix}sessions.open");
    delete(&state);
    drop(support::open(&prefix));
    assert_eq!(partitions_of(&state), 4, "nothing was written yet: nothing is lost");

    support::publish(&bus, ENRICHED, &["a"]);
    delete(&state);
    for create_topics in [true, false] {
        let line = refused(Options { create_topics, ..support::options(&prefix) });
        assert!(line.starts_with(&format!("topic {state} is gone, ")), "{line}");
        assert!(line.contains("a second time; restore it ") && line.ends_with("under a new --topic-prefix"), "{line}");
    }
    assert_eq!(partitions_of(&state), 0);
}

/// Opens two at once, where no topic is yet.
fn race(prefix: &str, of: [&dyn Fn(Options) -> Options; 2]) -> [Result<(), BusError>; 2] {
    let start = Barrier::new(2);
    let options = of.map(|change| change(support::options(prefix)));
    std::thread::scope(|scope| {
        let opened = options.map(|options| {
            scope.spawn(|| {
                start.wait();
                KafkaBus::open(options).map(|_| ())
            })
        });
        opened.map(|thread| thread.join().unwrap())
    })
}

#[test]
fn of_two_that_make_the_topics_at_once_the_later_is_checked_too() {
    const MONTH: Span = Span::from_hours(24 * 30);
    let four = |options: Options| options;
    let six = |options| Options { partitions: 6, ..options };
    let month = |options| Options { retention: Some(MONTH), ..options };
    for _ in 0..6 {
        let prefix = kafka_broker::topic_prefix("topics");
        let opened = race(&prefix, [&four, &six]);
        let (is, wanted, line) = match &opened {
            [Ok(()), Err(BusError::Refused(line))] => (4, 6, line),
            [Err(BusError::Refused(line)), Ok(())] => (6, 4, line),
            _ => panic!("{opened:?}"),
        };
        assert!(line.contains(&format!("has {is} partitions, not {wanted}: ")), "{line}");

        let prefix = kafka_broker::topic_prefix("topics");
        let [week_long, month_long] = race(&prefix, [&four, &month]);
        assert_eq!(week_long, Ok(()), "what is kept for longer does");
        let now = KafkaBus::open(month(support::options(&prefix))).map(|_| ());
        assert_eq!(month_long, now, "what is said in the race is what holds");
    }
}

#[test]
fn topics_that_break_a_promise_are_refused_with_the_way_out() {
    let broker = kafka_broker::shared().bootstrap();
    type Settings = &'static [(&'static str, &'static str)];
    const STAMPS: (&str, &str) = ("message.timestamp.type", "LogAppendTime");
    const WEEK: (&str, &str) = ("retention.ms", "604800000");
    let broken: [(&str, Settings, &str); 7] = [
        ("hits", &[STAMPS, WEEK, ("cleanup.policy", "compact")], "cleanup.policy=delete"),
        ("hits", &[WEEK, ("message.timestamp.type", "CreateTime")], "message.timestamp.type=LogAppendTime"),
        ("late", &[STAMPS, ("retention.ms", "3600000")], "retention.ms=604800000"),
        ("rejected", &[STAMPS, WEEK, ("min.insync.replicas", "2")], "min.insync.replicas=1"),
        ("sessions", &[STAMPS, WEEK, ("max.message.bytes", "1000")], "max.message.bytes="),
        ("sessions.open", &[STAMPS, ("cleanup.policy", "delete")], "cleanup.policy=compact"),
        (
            "sessions.open",
            &[STAMPS, ("cleanup.policy", "compact"), ("delete.retention.ms", "1000")],
            "delete.retention.ms=900000",
        ),
    ];
    for (name, settings, way_out) in broken {
        let prefix = kafka_broker::topic_prefix("topics");
        drop(support::open(&prefix));
        support::set(&broker, &format!("{prefix}{name}"), settings);
        let line = refused(support::options(&prefix));
        let command = format!("--alter --topic {prefix}{name} --add-config {way_out}");
        assert!(line.contains("run kafka-configs.sh --bootstrap-server ") && line.contains(&command), "{line}");
    }
    let prefix = kafka_broker::topic_prefix("topics");
    drop(support::open(&prefix));
    let line = refused(Options { retention: Some(Span::from_hours(24 * 30)), ..support::options(&prefix) });
    assert!(line.contains("retention.ms=2592000000"), "{line}");
}

#[test]
fn a_log_that_has_an_id_keeps_it() {
    let prefix = kafka_broker::topic_prefix("topics");
    let with = |bits| Options { log_id: Some(LogId::from_bits(bits)), ..support::options(&prefix) };
    let buses: Vec<_> = (0..3).map(|_| KafkaBus::open(with(7)).unwrap()).collect();
    let named: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = buses.iter().map(|bus| scope.spawn(|| bus.log_id().unwrap())).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(named, vec![LogId::from_bits(7); 3]);
    assert_eq!(support::open(&prefix).log_id().unwrap(), LogId::from_bits(7));
    assert!(matches!(KafkaBus::open(with(8)).unwrap().log_id(), Err(BusError::Refused(_))));
}

#[test]
fn two_that_name_a_log_at_once_agree() {
    let prefix = kafka_broker::topic_prefix("topics");
    let buses: Vec<_> = (0..4).map(|_| support::open(&prefix)).collect();
    let named: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = buses.iter().map(|bus| scope.spawn(|| bus.log_id().unwrap())).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(named.iter().all(|id| *id == named[0]), "{named:?}");
}

#[test]
fn a_replays_topics_carry_its_times_and_others_refuse_them() {
    let long_ago = Timestamp::from_millis(1_431_857_103_000);
    let carried = || bus::Outgoing { append_time: Some(long_ago), ..support::record(HITS, "a") };
    let prefix = kafka_broker::topic_prefix("topics");
    let replay = KafkaBus::open(Options { stamps: Stamps::Record, ..support::options(&prefix) }).unwrap();
    block_on(replay.publish(vec![carried()])).unwrap();
    let replay: bus::SharedBus = std::sync::Arc::new(replay);
    let read = support::read_to_end(&replay, HITS, events::NextOffset::START);
    assert_eq!(read[0].append_time, long_ago);
    assert!(refused(support::options(&prefix)).contains("message.timestamp.type=LogAppendTime"));

    let live = support::open(&kafka_broker::topic_prefix("topics"));
    assert!(matches!(block_on(live.publish(vec![carried()])), Err(BusError::Refused(_))));
}
