//! A sessionizer that dies at a moment that was chosen, and not by chance: between two checkpoints, in the middle of one, and
//! with all of a step written but its end. Whoever takes over puts out what one that never died does, to the byte (P2, P3).
//!
//! The one that dies runs in the test, on a bus that ends it: what it has open then is open under the name of its transactions,
//! as a process leaves it that is killed between two packets. Its heir is the real binary.

use std::slice;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::kafka::{KafkaBus, Limits, Options};
use bus::{Bounds, Bus, BusError, Group, Outgoing, Output, Polled, Reader, SharedBus, Source, Step, Worker};
use events::{LogId, NewHit, NextOffset, Span, Topic, Uuid};
use futures::executor::block_on;
use futures::future::BoxFuture;
use kafka_broker::topic_prefix;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use service::{Health, Shutdown, clock};
use sessionizer::{Config, Error};

use crate::short::{WINDOWS, raw_producer, settings, values};
use crate::support::kafka::{Pipeline, SESSION_TIMEOUT, broker, wait_until};
use crate::support::process::PATIENCE;
use crate::support::reference;

const NAME: &str = "one";
const OUTPUTS: [Topic; 4] = [Topic::HitsEnriched, Topic::Sessions, Topic::Late, Topic::Rejected];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Death {
    /// Before a step is begun, with steps behind the newest checkpoint.
    BetweenCheckpoints,
    /// Half of a checkpoint is written, in a transaction that is open.
    WithinCheckpoint,
    /// A step is written, position and all, in a transaction that is open.
    BeforeTheCommit,
}

/// A bus whose worker dies.
struct Deadly {
    bus: SharedBus,
    prefix: String,
    death: Death,
    /// The transaction that it leaves open.
    left: Arc<Mutex<Option<BaseProducer>>>,
}

struct DeadlyWorker {
    worker: Box<dyn Worker>,
    prefix: String,
    death: Death,
    left: Arc<Mutex<Option<BaseProducer>>>,
    /// Checkpoints so far, and steps since the last.
    checkpoints: u32,
    since: u32,
}

impl Bus for Deadly {
    fn partitions(&self) -> u32 {
        self.bus.partitions()
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        self.bus.log_id()
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        self.bus.publish(records)
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        let (worker, prefix, left) = (self.bus.join(group)?, self.prefix.clone(), self.left.clone());
        Ok(Box::new(DeadlyWorker { worker, prefix, death: self.death, left, checkpoints: 0, since: 0 }))
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        self.bus.read(source, from)
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        self.bus.bounds(source)
    }

    fn queued_bytes(&self) -> usize {
        self.bus.queued_bytes()
    }
}

/// Whether a record is of a checkpoint.
fn is_of_checkpoint(output: &Output<'_>) -> bool {
    output.target.topic == Topic::SessionsOpen && output.key != Some(sessions::PARTITION_KEY)
}

impl DeadlyWorker {
    /// How many of the step's records are written before the end, if it is the last.
    fn last_words(&self, step: Step<'_>) -> Option<usize> {
        let of_checkpoint = step.outputs.iter().filter(|output| is_of_checkpoint(output)).count();
        let is_behind_checkpoints = self.checkpoints >= 4 && self.since >= 3 && of_checkpoint == 0;
        match self.death {
            Death::BetweenCheckpoints => is_behind_checkpoints.then_some(0),
            Death::BeforeTheCommit => (is_behind_checkpoints && step.outputs.len() > 4).then_some(step.outputs.len()),
            Death::WithinCheckpoint => {
                let first = step.outputs.iter().position(is_of_checkpoint)?;
                (self.checkpoints >= 4 && of_checkpoint >= 4).then_some(first + of_checkpoint / 2)
            }
        }
    }

    /// Leaves these records in a transaction that has no end, under its own name.
    fn write(&self, outputs: &[Output<'_>]) {
        let name = format!("{}sessionizer.{NAME}", self.prefix);
        let dying = raw_producer(broker(), &[("transactional.id", &name), ("transaction.timeout.ms", "6000")]);
        dying.init_transactions(PATIENCE).unwrap();
        dying.begin_transaction().unwrap();
        for output in outputs {
            let topic = format!("{}{}", self.prefix, output.target.topic.name());
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(&topic).partition(output.target.partition as i32);
            (record.key, record.payload) = (output.key, output.value);
            dying.send(record).unwrap();
        }
        dying.flush(PATIENCE).unwrap();
        *self.left.lock().unwrap() = Some(dying);
    }
}

impl Worker for DeadlyWorker {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, BusError> {
        self.worker.poll(timeout)
    }

    fn seek(&mut self, source: Source, position: NextOffset) -> Result<(), BusError> {
        self.worker.seek(source, position)
    }

    fn pause(&mut self, source: Source) -> Result<(), BusError> {
        self.worker.pause(source)
    }

    fn resume(&mut self, source: Source) -> Result<(), BusError> {
        self.worker.resume(source)
    }

    fn commit(&mut self, step: Step<'_>) -> Result<(), BusError> {
        if let Some(written) = self.last_words(step) {
            if written > 0 {
                self.write(&step.outputs[..written]);
            }
            return Err(BusError::Damaged("it is dead".to_owned()));
        }
        self.worker.commit(step)?;
        if step.outputs.iter().any(is_of_checkpoint) {
            (self.checkpoints, self.since) = (self.checkpoints + 1, 0);
        } else {
            self.since += 1;
        }
        Ok(())
    }
}

/// Hits of twenty visitors, whose sessions stay open or end.
fn send(bus: &SharedBus, sent: &mut u64) {
    let now = clock::system()();
    let records = (*sent..*sent + 40).map(|n| {
        let mut hit = NewHit::new(Uuid::from_u128(u128::from(n)), "shop.example", "pageview", now, now);
        let (visitor, url) = (format!("v{}", n % 20), format!("https://shop.example/p/{n}"));
        (hit.visitor_id, hit.url) = (Some(visitor.as_str()), Some(url.as_str()));
        let (key, value) = (Some(hit.key().into()), hit.to_json().into());
        Outgoing { topic: Topic::Hits, partition: None, key, value, append_time: None }
    });
    block_on(bus.publish(records.collect())).unwrap();
    *sent += 40;
}

/// One dies, under load; the heir, of the same name or another one, goes on.
fn dies_and_is_taken_over(death: Death, heir: &str) {
    let prefix = topic_prefix("takeover");
    let pipeline = Pipeline::new(slice::from_ref(broker()), &prefix, &WINDOWS, settings());
    let options = Options::at(vec![broker().bootstrap()], prefix.as_str());
    let limits = Limits { session: SESSION_TIMEOUT, ..options.limits };
    let bus: SharedBus = Arc::new(KafkaBus::open(Options { limits, ..options }).unwrap());
    let left = Arc::default();
    let deadly: SharedBus = Arc::new(Deadly { bus: bus.clone(), prefix, death, left: Arc::clone(&left) });
    let config = Config {
        instance: Some(NAME.to_owned()),
        settings: settings(),
        idle_interval: Span::from_millis(300),
        commit_interval: Duration::from_millis(50),
        // All partitions are due at once, and then some steps have none.
        checkpoint_interval: Duration::from_secs(2),
        ..Config::default()
    };

    let mut sent = 0;
    let dying = std::thread::spawn(move || sessionizer::run(&config, &deadly, &Shutdown::new(), &Health::default()));
    let begun = Instant::now();
    while !dying.is_finished() {
        assert!(begun.elapsed() < PATIENCE, "it does not come to its end: {death:?}");
        send(&bus, &mut sent);
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = dying.join().unwrap();
    assert!(matches!(ended, Err(Error::Bus(BusError::Damaged(_)))), "{ended:?}");
    let leaves_open = left.lock().unwrap().is_some();
    assert_eq!(leaves_open, death != Death::BetweenCheckpoints);
    // What must be run through again, else the end was not behind a checkpoint.
    let behind = (0..bus.partitions()).filter(|&partition| is_behind_its_checkpoint(&pipeline, partition, leaves_open));
    assert!(behind.count() > 0, "every position is that of a checkpoint");

    send(&bus, &mut sent);
    let mut next = pipeline.sessionizer("heir");
    next.set_flag("--instance-id", heir);
    next.start_and_wait();
    send(&bus, &mut sent);
    let in_sessions = || {
        let sessions = values(&bus, Topic::Sessions);
        sessions.iter().map(|session| session["hit_count"].as_u64().unwrap()).sum::<u64>()
    };
    wait_until("every hit in a final session", || in_sessions() == sent);
    assert!(next.stop().success(), "{}", next.log());
    for partition in 0..bus.partitions() {
        let log = reference::records(&bus, Topic::Hits, partition);
        for topic in OUTPUTS {
            let expected = reference::undisturbed(&log, partition, settings(), topic).1;
            let found = reference::records(&bus, topic, partition).into_iter().map(|record| record.value.unwrap());
            let found: Vec<_> = found.map(|value| value.to_vec()).collect();
            assert!(
                found == expected,
                "{death:?}, {heir}: {topic}/{partition}: {} and {}",
                found.len(),
                expected.len()
            );
        }
    }
    drop(left);
}

/// What a reader of committed records sees now: not what stands behind an open transaction.
fn is_behind_its_checkpoint(pipeline: &Pipeline, partition: u32, has_open: bool) -> bool {
    let bus = pipeline.log();
    let source = Source { topic: Topic::SessionsOpen, partition };
    let end = bus.bounds(source).unwrap().end;
    let mut reader = bus.read(source, NextOffset::START).unwrap();
    let (mut newest, begun) = (Value::Null, Instant::now());
    while reader.position() < end && begun.elapsed() < PATIENCE {
        let records = reader.next(Duration::from_millis(500)).unwrap();
        if records.is_empty() && has_open {
            break;
        }
        let of_partition = records.iter().rfind(|record| record.key.as_deref() == Some(sessions::PARTITION_KEY));
        if let Some(value) = of_partition.and_then(|record| record.value.as_deref()) {
            newest = serde_json::from_slice(value).unwrap();
        }
    }
    newest["position"] != newest["checkpoint"]["position"]
}

/// By one of its name, and by one of another, who has to wait until the group and the broker have given it up.
fn is_taken_over_exactly(death: Death) {
    std::thread::scope(|scope| {
        for heir in [NAME, "another"] {
            scope.spawn(move || dies_and_is_taken_over(death, heir));
        }
    });
}

#[test]
fn one_that_dies_between_two_checkpoints_is_taken_over_exactly() {
    is_taken_over_exactly(Death::BetweenCheckpoints);
}

#[test]
fn one_that_dies_in_the_middle_of_a_checkpoint_is_taken_over_exactly() {
    is_taken_over_exactly(Death::WithinCheckpoint);
}

#[test]
fn one_that_dies_with_a_whole_step_written_and_not_committed_is_taken_over_exactly() {
    is_taken_over_exactly(Death::BeforeTheCommit);
}
