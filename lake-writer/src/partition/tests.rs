use std::sync::Arc;
use std::time::Duration;

use bus::embedded::{Durability, EmbeddedBus, Limits, Options};
use bus::{Outgoing, SharedBus};
use events::{LogId, Span, Topic};
use futures::TryStreamExt;
use lake::{Lake, OffsetRange};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use tables::{Layout, Table};
use tempfile::TempDir;

use super::*;

const SOURCE: Source = Source { topic: Topic::Rejected, partition: 0 };

fn series() -> Series {
    Series { table: Table::Rejected, log_id: LogId::try_from("log1".to_owned()).unwrap(), partition: 0 }
}

fn rolling() -> Rolling {
    Rolling::new(1 << 20, 1 << 20)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// A topic, and a lake for it.
struct World {
    bus: EmbeddedBus,
    shared: SharedBus,
    store: Arc<InMemory>,
    lake: Lake,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            partitions: 1,
            durability: Durability::Unsynced,
            limits: Limits { recent: 0, ..Limits::default() },
            ..Options::at(folder.path())
        };
        let bus = EmbeddedBus::open(options).unwrap();
        let store = Arc::new(InMemory::new());
        let lake = Lake::over(store.clone());
        Self { shared: Arc::new(bus.clone()), bus, store, lake, _folder: folder }
    }

    fn publish(&self, records: usize) {
        let value = r#"{"reason":"too_long","time":"2015-05-17T10:05:03.000Z"}"#.into();
        let record = Outgoing { topic: SOURCE.topic, partition: Some(0), key: None, value, append_time: None };
        block_on(self.shared.publish(vec![record; records])).unwrap();
    }

    fn expire_all(&self) {
        self.bus.enforce_retention(service::clock::system()() + Span::from_hours(24 * 365)).unwrap();
    }

    fn log(&self) -> Log<'_> {
        Log { bus: &self.shared, is_made_anew: false, may_lie_ahead: false }
    }

    fn records(&self, from: i64) -> Vec<Record> {
        let mut reader = self.shared.read(SOURCE, NextOffset(from)).unwrap();
        reader.next(Duration::ZERO).unwrap()
    }

    fn partition(&self) -> Partition {
        let assignment = Assignment { source: SOURCE, committed: None };
        let mut partition = Partition::new(assignment, series(), 1, rolling());
        let committer = block_on(Committer::open(&self.lake, series())).unwrap();
        partition.move_on(Outcome::Opened(Ok(Box::new(committer))), &self.log(), &mut Summary::default()).unwrap();
        partition
    }

    /// Does the job that waits.
    fn write(&self, partition: &mut Partition) {
        let phase = std::mem::replace(&mut partition.phase, Phase::Busy(Weight::default()));
        let Phase::Waiting(Job::Write(mut committer, Cut::Gathered(gathering)), _) = phase else {
            panic!("no batch was cut")
        };
        let batch = Box::new(gathering.finish(&series(), Layout::default()).unwrap());
        let committed = block_on(committer.commit(&batch)).unwrap();
        let outcome = Outcome::Written { committer, committed, batch, took: Duration::ZERO };
        partition.move_on(outcome, &self.log(), &mut Summary::default()).unwrap();
    }
}

#[test]
fn what_expires_in_front_of_a_batch_that_gathers_is_named_by_the_next_one() {
    for lost in [1, 3] {
        let world = World::new();
        world.publish(3);
        let mut partition = world.partition();
        partition.take(&world.records(0), &world.log(), Instant::now()).unwrap();
        world.publish(lost);
        world.expire_all();
        world.publish(2);
        let records = world.records(3);
        assert_eq!(records[0].offset.0, 3 + lost as i64);
        partition.take(&records, &world.log(), Instant::now()).unwrap();
        world.write(&mut partition);
        assert_eq!(partition.seek(), Some(NextOffset(3 + lost as i64)));
        partition.take(&records, &world.log(), Instant::now()).unwrap();
        partition.cut();
        world.write(&mut partition);
        let audit = block_on(world.lake.audit(series())).unwrap();
        assert_eq!(audit.lost, [OffsetRange { from: NextOffset(3), to: NextOffset(3 + lost as i64) }]);
        assert_eq!((audit.batches, audit.rows, audit.faults), (2, 5, Vec::new()));
    }
}

#[test]
fn offsets_without_a_record_do_not_end_a_batch() {
    let world = World::new();
    world.publish(9);
    let mut partition = world.partition();
    let records = world.records(0);
    for n in [0, 1, 3, 5, 8] {
        partition.take(&records[n..=n], &world.log(), Instant::now()).unwrap();
        assert_eq!(partition.gathering().unwrap().position(), records[n].offset.next());
    }
}

/// Its record stands and its files do not: the writer was killed between them.
#[test]
fn a_batch_that_is_made_again_names_what_expired_while_it_gathered() {
    let world = World::new();
    world.publish(6);
    let mut partition = world.partition();
    let records = world.records(0);
    partition.take(&records, &world.log(), Instant::now()).unwrap();
    partition.cut();
    world.write(&mut partition);
    let files = Some(object_store::path::Path::from(series().table.name()));
    for file in block_on(world.store.list(files.as_ref()).try_collect::<Vec<_>>()).unwrap() {
        block_on(world.store.delete(&file.location)).unwrap();
    }

    let mut partition = world.partition();
    partition.take(&records[..2], &world.log(), Instant::now()).unwrap();
    assert!(partition.gathering().unwrap().is_made_again());
    world.expire_all();
    world.publish(2);
    partition.take(&world.records(6), &world.log(), Instant::now()).unwrap();
    world.write(&mut partition);
    let audit = block_on(world.lake.audit(series())).unwrap();
    assert_eq!(audit.lost, [OffsetRange { from: NextOffset(0), to: NextOffset(6) }]);
    assert_eq!((audit.batches, audit.rows, audit.faults), (1, 0, Vec::new()));
}
