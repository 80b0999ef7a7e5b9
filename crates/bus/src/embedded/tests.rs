//! What is promised of the embedded bus beyond the contract.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use bytes::Bytes;
use events::Topic;
use futures::executor::block_on;
use tempfile::TempDir;

use super::*;
use crate::contract::{Backend, PARTITIONS};
use crate::{Output, Polled, Record, Step};

/// Logs in a directory that goes away with it.
struct Embedded {
    directory: TempDir,
    made: Cell<u32>,
}

fn embedded() -> Embedded {
    Embedded { directory: tempfile::tempdir().unwrap(), made: Cell::new(0) }
}

impl Embedded {
    fn path(&self, number: u32) -> PathBuf {
        self.directory.path().join(number.to_string())
    }

    fn options(&self, number: u32) -> Options {
        Options { partitions: PARTITIONS, ..Options::at(self.path(number)) }
    }
}

impl Backend for Embedded {
    fn make(&self) -> SharedBus {
        self.made.set(self.made.get() + 1);
        Arc::new(EmbeddedBus::open(self.options(self.made.get())).unwrap())
    }

    fn restart(&self, bus: SharedBus) -> SharedBus {
        let is_it = |number: &u32| {
            EmbeddedBus::open_beside(&self.path(*number)).unwrap().log_id().unwrap() == bus.log_id().unwrap()
        };
        let number = (1..=self.made.get()).find(is_it).unwrap();
        drop(bus);
        Arc::new(EmbeddedBus::open(self.options(number)).unwrap())
    }
}

mod contract {
    crate::contract_tests!(crate::embedded::tests::embedded());
}

mod file;
mod following;
mod killed;
mod retention;
mod writing;

const HITS: Source = Source { topic: Topic::Hits, partition: 0 };
const ENRICHED: Source = Source { topic: Topic::HitsEnriched, partition: 0 };
const STATE: Source = Source { topic: Topic::SessionsOpen, partition: 0 };

fn options(directory: &Path) -> Options {
    Options { partitions: 1, ..Options::at(directory) }
}

fn open(directory: &Path) -> EmbeddedBus {
    EmbeddedBus::open(options(directory)).unwrap()
}

fn hit(value: impl Into<Bytes>) -> Outgoing {
    Outgoing { topic: Topic::Hits, partition: Some(0), key: None, value: value.into(), append_time: None }
}

fn publish(bus: &EmbeddedBus, value: impl Into<Bytes>) {
    block_on(bus.publish(vec![hit(value)])).unwrap();
}

fn join(bus: &EmbeddedBus) -> Box<dyn Worker> {
    join_at(bus).0
}

/// A member, and where its group has come to.
fn join_at(bus: &EmbeddedBus) -> (Box<dyn Worker>, Option<NextOffset>) {
    let group =
        Group { name: "g".to_owned(), instance: Some("i".to_owned()), topics: vec![Topic::Hits], produces: true };
    let mut worker = bus.join(group).unwrap();
    let Polled::Assigned(all) = worker.poll(Duration::ZERO).unwrap() else { panic!("nothing is assigned") };
    (worker, all.iter().find(|assigned| assigned.source == HITS).unwrap().committed)
}

/// What a partition holds from a position on, as far as it can be read.
fn read_from(bus: &dyn Bus, source: Source, from: NextOffset) -> Result<Vec<Record>, BusError> {
    let end = bus.bounds(source)?.end;
    let mut reader = bus.read(source, from)?;
    let mut records = Vec::new();
    while reader.position() < end {
        records.extend(reader.next(Duration::ZERO)?);
    }
    Ok(records)
}

fn values(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| std::str::from_utf8(record.value.as_deref().unwrap()).unwrap()).collect()
}

/// A clock that a test sets.
#[derive(Clone, Default)]
struct TestClock(Arc<AtomicI64>);

impl TestClock {
    fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }

    fn as_clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || Timestamp::from_millis(clock.0.load(Ordering::SeqCst)))
    }
}
