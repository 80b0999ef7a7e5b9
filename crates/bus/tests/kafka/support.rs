//! Logs on the shared broker, each under a prefix of its own, and what the tests do with them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Limits, Options};
use bus::{Group, Outgoing, Polled, Record, SharedBus, Source, Worker};
use bytes::Bytes;
use events::{NextOffset, Topic};
use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

pub(crate) const HITS: Source = Source { topic: Topic::Hits, partition: 0 };
pub(crate) const LATE: Source = Source { topic: Topic::Late, partition: 0 };
pub(crate) const ENRICHED: Source = Source { topic: Topic::HitsEnriched, partition: 0 };

/// Times that suit a broker that answers at once.
pub(crate) fn limits() -> Limits {
    Limits { session: Duration::from_secs(6), ..Limits::default() }
}

/// The options of a log with four partitions under a prefix.
pub(crate) fn options(prefix: &str) -> Options {
    at(&kafka_broker::shared().bootstrap(), prefix)
}

pub(crate) fn at(broker: &str, prefix: &str) -> Options {
    Options { limits: limits(), ..Options::at(vec![broker.to_owned()], prefix) }
}

/// The same log through a new handle.
pub(crate) fn open(prefix: &str) -> SharedBus {
    Arc::new(KafkaBus::open(options(prefix)).unwrap())
}

/// A client that knows nothing of the bus.
pub(crate) fn raw(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker);
    config
}

/// A transaction that is open: its record is on the broker.
pub(crate) fn open_transaction(broker: &str, name: &str, topic: &str, value: &str) -> BaseProducer {
    let producer: BaseProducer = raw(broker).set("transactional.id", name).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    producer.send(BaseRecord::<(), str>::to(topic).partition(0).payload(value)).unwrap();
    producer.flush(PATIENCE).unwrap();
    producer
}

pub(crate) fn admin(broker: &str) -> AdminClient<DefaultClientContext> {
    raw(broker).create().unwrap()
}

/// Changes settings of a topic; those that are not named fall back to the broker's.
pub(crate) fn set(broker: &str, topic: &str, settings: &[(&str, &str)]) {
    let specifier = ResourceSpecifier::Topic(topic);
    let alter = settings.iter().fold(AlterConfig::new(specifier), |alter, (key, value)| alter.set(key, value));
    let results = block_on(admin(broker).alter_configs([&alter], &AdminOptions::new())).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    // The controller has said yes; the broker hears of it a moment later.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut found = block_on(admin(broker).describe_configs([&specifier], &AdminOptions::new())).unwrap();
        let found = found.remove(0).unwrap();
        let stands = |(key, value): &(&str, &str)| found.get(key).is_some_and(|e| e.value.as_deref() == Some(*value));
        if settings.iter().all(stands) {
            return;
        }
        assert!(Instant::now() < deadline, "{topic} does not take {settings:?}");
    }
}

/// A value that is smaller than the bus's limit and larger than what the topic `late` takes from now on.
pub(crate) fn too_much_for_late(prefix: &str) -> Vec<u8> {
    let settings = [("max.message.bytes", "1000"), ("message.timestamp.type", "LogAppendTime")];
    set(&kafka_broker::shared().bootstrap(), &format!("{prefix}late"), &settings);
    (0..20_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

pub(crate) fn record(source: Source, value: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        topic: source.topic,
        partition: Some(source.partition),
        key: Some(Bytes::from_static(b"example.org/v1")),
        value: value.into(),
        append_time: None,
    }
}

pub(crate) fn publish(bus: &SharedBus, source: Source, values: &[&'static str]) {
    block_on(bus.publish(values.iter().map(|&value| record(source, value)).collect())).unwrap();
}

/// Everything up to the end; fails when the end is not reached.
pub(crate) fn read_to_end(bus: &SharedBus, source: Source, from: NextOffset) -> Vec<Record> {
    let end = bus.bounds(source).unwrap().end;
    let mut reader = bus.read(source, from).unwrap();
    let mut records = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while reader.position() < end {
        assert!(Instant::now() < deadline, "{source} ends at {end}, and reading came to {}", reader.position());
        records.extend(reader.next(Duration::from_millis(200)).unwrap());
    }
    records
}

pub(crate) fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap()).into_owned()).collect()
}

pub(crate) fn join(bus: &SharedBus, instance: Option<&str>) -> Box<dyn Worker> {
    let instance = instance.map(str::to_owned);
    bus.join(Group { name: "g".to_owned(), instance, topics: vec![Topic::Hits], produces: true }).unwrap()
}

/// Polls until something is there.
pub(crate) fn poll_until<T>(worker: &mut dyn Worker, mut look: impl FnMut(Polled) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look(worker.poll(Duration::from_millis(200)).unwrap()) {
            return found;
        }
        assert!(Instant::now() < deadline, "what was waited for did not come");
    }
}

/// The next records of `hits/0`.
pub(crate) fn next_records(worker: &mut dyn Worker) -> Vec<Record> {
    poll_until(worker, |polled| match polled {
        Polled::Records { source: HITS, records } => Some(records),
        _ => None,
    })
}
