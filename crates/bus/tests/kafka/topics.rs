//! Topics that are made, and those that are refused.

use bus::kafka::{KafkaBus, Options, Stamps};
use bus::{Bus, BusError};
use events::{LogId, Span, Timestamp};
use futures::executor::block_on;

use crate::support::{self, HITS};

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
