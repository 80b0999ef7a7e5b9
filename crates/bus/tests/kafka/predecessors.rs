//! A transaction about a position that nobody ends: its owner hangs, or the broker has lost its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Limits, Options};
use bus::{BusError, Output, SharedBus, Step, Worker};
use events::NextOffset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::{self, ENRICHED, HITS, LATE};

/// Longer than any test takes: the broker ends nothing by itself.
const NEVER: &str = "600000";

fn open(prefix: &str) -> SharedBus {
    // Nobody waits for half a minute here.
    let limits = Limits { hidden: Duration::from_secs(1), ..support::limits() };
    Arc::new(KafkaBus::open(Options { limits, ..support::options(prefix) }).unwrap())
}

/// The brokers tell what is open for many groups together: one test at a time has something open there.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn output(value: &'static str) -> Output<'static> {
    Output { target: ENRICHED, key: Some(b"example.org/v1"), value: Some(value.as_bytes()) }
}

/// Reads the next record, which it must be, and commits it as one of the enriched ones.
fn read_and_commit(worker: &mut dyn Worker, value: &'static str) {
    let read = support::next_records(worker);
    assert_eq!(support::values(&read[..1]), [value]);
    worker.commit(Step { outputs: &[output(value)], positions: &[(HITS, read[0].offset.next())] }).unwrap();
}

/// Somebody of the group who is told of positions as they are without what is open.
fn group(prefix: &str) -> BaseConsumer {
    let mut config = support::raw(&kafka_broker::shared().bootstrap());
    config.set("group.id", format!("{prefix}g")).set("isolation.level", "read_uncommitted").create().unwrap()
}

fn position(prefix: &str) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition(&format!("{prefix}hits"), 0);
    list
}

/// Whose transactions may be open, as the owner signed it.
fn signature(prefix: &str) -> String {
    let committed = group(prefix).committed_offsets(position(prefix), PATIENCE).unwrap();
    committed.elements()[0].metadata().to_owned()
}

/// A transaction under this name: its record is on the broker, and so is a position behind everything.
fn open_transaction(prefix: &str, name: &str) -> BaseProducer {
    let mut config = support::raw(&kafka_broker::shared().bootstrap());
    let producer: BaseProducer =
        config.set("transactional.id", name).set("transaction.timeout.ms", NEVER).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let topic = format!("{prefix}hits.enriched");
    producer.send(BaseRecord::<(), str>::to(&topic).partition(0).payload("never")).unwrap();
    producer.flush(PATIENCE).unwrap();
    let mut list = position(prefix);
    list.set_all_offsets(Offset::Offset(2)).unwrap();
    let member = group(prefix).group_metadata().unwrap();
    producer.send_offsets_to_transaction(&list, &member, PATIENCE).unwrap();
    producer
}

fn enriched(bus: &SharedBus) -> Vec<String> {
    support::values(&support::read_to_end(bus, ENRICHED, NextOffset::START))
}

/// It has signed, so that this is known though none of its transactions ever came to an end.
#[test]
fn the_first_transaction_of_an_owner_that_hangs_is_ended_by_its_successor() {
    let _alone = alone();
    let prefix = kafka_broker::topic_prefix("predecessors");
    let bus = open(&prefix);
    support::publish(&bus, HITS, &["a", "b"]);
    let mut owner = support::join(&bus, None);
    let next = support::next_records(&mut *owner)[0].offset.next();
    let noise = support::too_much_for_late(&prefix);
    let refused = Output { target: LATE, key: Some(b"k"), value: Some(&noise) };
    assert!(owner.commit(Step { outputs: &[refused], positions: &[(HITS, next)] }).is_err());
    drop(owner);
    let name = signature(&prefix);
    assert!(name.starts_with(&format!("{prefix}g.")), "{name}");
    let frozen = open_transaction(&prefix, &name);

    let mut successor = support::join(&bus, Some("b"));
    read_and_commit(&mut *successor, "a");
    assert!(frozen.commit_transaction(PATIENCE).is_err(), "it woke, and would have counted both hits twice");
    assert_eq!(enriched(&bus), ["a"]);
    assert_eq!(signature(&prefix), format!("{prefix}g.b"));
}

/// The owner's own transactions are over, and still the position cannot be read. That of a producer that nobody has to do with is
/// open on it here, since no broker loses a mark when asked to.
#[test]
fn behind_a_transaction_whose_end_was_lost_work_goes_on() {
    let _alone = alone();
    let prefix = kafka_broker::topic_prefix("predecessors");
    let bus = open(&prefix);
    support::publish(&bus, HITS, &["a", "b", "c"]);
    read_and_commit(&mut *support::join(&bus, None), "a");
    let lost = open_transaction(&prefix, &format!("{prefix}somebody"));
    for value in ["b", "c"] {
        let before = signature(&prefix);
        read_and_commit(&mut *support::join(&bus, None), value);
        assert_ne!(signature(&prefix), before);
    }
    lost.abort_transaction(PATIENCE).unwrap();
    assert_eq!(enriched(&bus), ["a", "b", "c"]);
}

#[test]
fn where_nobody_has_signed_the_error_names_what_to_run_and_that_helps() {
    let _alone = alone();
    let prefix = kafka_broker::topic_prefix("predecessors");
    let bus = open(&prefix);
    support::publish(&bus, HITS, &["a"]);
    let unknown = open_transaction(&prefix, &format!("{prefix}somebody"));
    let mut worker = support::join(&bus, None);
    let error = loop {
        if let Err(error) = worker.poll(Duration::from_millis(200)) {
            break error;
        }
    };
    let BusError::Unavailable(line) = error else { panic!("{error}") };
    assert!(line.contains(&format!("the group {prefix}g in hits/0; ")), "{line}");
    drop(worker);

    // As a person would: what stands between the quotes, and what the first of them prints.
    let commands: Vec<_> = line.split('`').filter(|part| part.starts_with("kafka-transactions.sh ")).collect();
    let run = |command: &str| {
        let words: Vec<_> = command.split(' ').skip(3).collect();
        kafka_broker::shared().tool("org.apache.kafka.tools.TransactionsCommand", &words, "")
    };
    let told = run(commands[0]);
    let start = |row: &str| row.split_whitespace().last()?.parse::<i64>().ok();
    let start = told.lines().find_map(start).unwrap();
    run(&commands[1].replace(" N", &format!(" {start}")));
    read_and_commit(&mut *support::join(&bus, None), "a");
    drop(unknown);
}
