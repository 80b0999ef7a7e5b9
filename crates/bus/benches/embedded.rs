//! What the embedded bus carries, in records of 600 bytes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::embedded::{Durability, EmbeddedBus, Limits, Options, Retention};
use bus::{Bus, Group, Outgoing, Output, Polled, Source, Step, Worker};
use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use events::{NextOffset, Topic};
use futures::executor::block_on;
use futures::future::{join_all, try_join_all};
use tempfile::TempDir;

const RECORD: usize = 600;

fn main() {
    divan::main();
}

fn open(directory: &TempDir, durability: Durability, recent: usize) -> EmbeddedBus {
    EmbeddedBus::open(Options {
        durability,
        retention: Retention::FOREVER,
        limits: Limits { recent, queue: 1 << 30, ..Limits::default() },
        ..Options::at(directory.path())
    })
    .expect("a new directory holds a new log")
}

fn hit(n: usize) -> Outgoing {
    Outgoing {
        topic: Topic::Hits,
        partition: None,
        key: Some(Bytes::from(format!("example.org/visitor-{}", n % 10_000))),
        value: Bytes::from_static(&[b'x'; RECORD]),
        append_time: None,
    }
}

/// 64 clients, each waiting for its record to be durable before it sends the next.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn durable_publishes_by_64_publishers(bencher: Bencher<'_, '_>) {
    const EACH: usize = 500;
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, Durability::Synced, Limits::default().recent);
    bencher.counter(ItemsCount::new(64 * EACH)).bench(|| {
        let publisher = |at: usize| {
            let bus = &bus;
            async move {
                for n in 0..EACH {
                    bus.publish(vec![hit(at + 64 * n)]).await.expect("the bus takes records");
                }
            }
        };
        block_on(join_all((0..64).map(publisher)));
    });
}

/// One client that waits for each record: what a single sync costs.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn durable_publishes_by_one_publisher(bencher: Bencher<'_, '_>) {
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, Durability::Synced, Limits::default().recent);
    bencher.counter(ItemsCount::new(500_usize)).bench(|| {
        (0..500).for_each(|n| block_on(bus.publish(vec![hit(n)])).expect("the bus takes records"));
    });
}

/// A replay's reader: 1000 records a call, some calls ahead.
#[divan::bench(args = [Durability::Synced, Durability::Unsynced], sample_count = 5, sample_size = 1)]
fn publishes_of_1000_records(bencher: Bencher<'_, '_>, durability: Durability) {
    const CALLS: usize = 200;
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, durability, Limits::default().recent);
    bencher.counter(ItemsCount::new(CALLS * 1000)).counter(BytesCount::new(CALLS * 1000 * RECORD)).bench(|| {
        for _ in 0..CALLS / 4 {
            let ahead = (0..4).map(|_| bus.publish((0..1000).map(hit).collect()));
            block_on(try_join_all(ahead)).expect("the bus takes records");
        }
    });
}

/// A sessionizer's commits: 1000 outputs and one position each.
#[divan::bench(args = [Durability::Synced, Durability::Unsynced], sample_count = 5, sample_size = 1)]
fn steps_of_1000_outputs(bencher: Bencher<'_, '_>, durability: Durability) {
    const STEPS: usize = 200;
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, durability, Limits::default().recent);
    let mut worker = join(&bus);
    let target = Source { topic: Topic::HitsEnriched, partition: 0 };
    let value = [b'x'; RECORD];
    let outputs = vec![Output { target, key: Some(b"example.org/visitor-1"), value: Some(&value) }; 1000];
    bencher.counter(ItemsCount::new(STEPS * 1000)).counter(BytesCount::new(STEPS * 1000 * RECORD)).bench_local(|| {
        for n in 0..STEPS {
            let positions = [(Source { topic: Topic::Hits, partition: 0 }, NextOffset(n as i64))];
            worker.commit(Step { outputs: &outputs, positions: &positions }).expect("the step is committed");
        }
    });
}

/// A checkpoint of the sessionizer: 1000 changed keys of a compacted topic.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn checkpoints_of_1000_keys(bencher: Bencher<'_, '_>) {
    const STEPS: usize = 50;
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, Durability::Synced, Limits::default().recent);
    let mut worker = join(&bus);
    let target = Source { topic: Topic::SessionsOpen, partition: 0 };
    let keys: Vec<_> = (0..100_000).map(|n| format!("example.org/visitor-{}/session", n * 7919 % 100_000)).collect();
    let value = [b'x'; RECORD];
    bencher.counter(ItemsCount::new(STEPS * 1000)).bench_local(|| {
        for chunk in keys.chunks(1000).take(STEPS) {
            let outputs: Vec<_> =
                chunk.iter().map(|key| Output { target, key: Some(key.as_bytes()), value: Some(&value) }).collect();
            worker.commit(Step { outputs: &outputs, positions: &[] }).expect("the step is committed");
        }
    });
}

/// The largest checkpoint: 200,000 changed sessions of 700 bytes in one step, over and over.
#[divan::bench(sample_count = 8, sample_size = 1)]
fn a_checkpoint_of_200_000_keys(bencher: Bencher<'_, '_>) {
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, Durability::Synced, Limits::default().recent);
    let mut worker = join(&bus);
    let state = Checkpoint::new();
    bencher.counter(ItemsCount::new(Checkpoint::KEYS)).bench_local(|| state.commit(&mut *worker));
}

/// What somebody who publishes one record at a time waits for at most while such a checkpoint is written: told by
/// each sample on stderr.
#[divan::bench(sample_count = 8, sample_size = 1)]
#[expect(clippy::print_stderr, reason = "divan knows no figure but the whole sample's time")]
fn the_slowest_publish_beside_a_checkpoint(bencher: Bencher<'_, '_>) {
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, Durability::Synced, Limits::default().recent);
    let mut worker = join(&bus);
    let state = Checkpoint::new();
    state.commit(&mut *worker);
    bencher.bench_local(|| {
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let publisher = scope.spawn(|| {
                let mut slowest = Duration::ZERO;
                while !is_done.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    block_on(bus.publish(vec![hit(1)])).expect("the bus takes records");
                    slowest = slowest.max(started.elapsed());
                }
                slowest
            });
            state.commit(&mut *worker);
            is_done.store(true, Ordering::Relaxed);
            let slowest = publisher.join().expect("the publisher ends in order");
            eprintln!("the slowest publish took {slowest:?}");
        });
    });
}

struct Checkpoint {
    keys: Vec<String>,
    value: [u8; 650],
}

impl Checkpoint {
    const KEYS: usize = 200_000;

    fn new() -> Self {
        let keys = (0..Self::KEYS).map(|n| format!("example.org/visitor-{}/session", n * 7919 % Self::KEYS)).collect();
        Self { keys, value: [b'x'; 650] }
    }

    fn commit(&self, worker: &mut dyn Worker) {
        let target = Source { topic: Topic::SessionsOpen, partition: 0 };
        let outputs: Vec<_> = self
            .keys
            .iter()
            .map(|key| Output { target, key: Some(key.as_bytes()), value: Some(&self.value) })
            .collect();
        worker.commit(Step { outputs: &outputs, positions: &[] }).expect("the step is committed");
    }
}

/// Polling what is in memory (a worker that keeps up) and what is not (one that lags).
#[divan::bench(args = ["memory", "disk"], sample_count = 5, sample_size = 1)]
fn polls(bencher: Bencher<'_, '_>, from: &str) {
    const RECORDS: usize = 100_000;
    let directory = tempfile::tempdir().expect("a directory for the log");
    let bus = open(&directory, Durability::Unsynced, if from == "memory" { 1 << 30 } else { 0 });
    for _ in 0..RECORDS / 1000 {
        block_on(bus.publish((0..1000).map(hit).collect())).expect("the bus takes records");
    }
    bencher.counter(ItemsCount::new(RECORDS)).counter(BytesCount::new(RECORDS * RECORD)).bench_local(|| {
        let mut worker = join(&bus);
        let mut seen = 0;
        while seen < RECORDS {
            if let Polled::Records { records, .. } = worker.poll(Duration::from_secs(1)).expect("the bus is read") {
                seen += records.len();
            }
        }
    });
}

fn join(bus: &EmbeddedBus) -> Box<dyn Worker> {
    let group =
        Group { name: "bench".to_owned(), instance: Some("one".to_owned()), topics: vec![Topic::Hits], produces: true };
    let mut worker = bus.join(group).expect("the group takes a member");
    worker.poll(Duration::from_secs(1)).expect("the member gets its partitions");
    worker
}
