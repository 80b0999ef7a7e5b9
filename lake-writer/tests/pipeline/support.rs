//! A bus with records, a lake, and a lake-writer between them.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bus::embedded::{Durability, EmbeddedBus, Options};
use bus::{Outgoing, SharedBus};
use bytes::Bytes;
use events::{LogId, Timestamp, Topic};
use futures::{StreamExt, TryStreamExt};
use lake::{Audit, Lake, Series};
use lake_writer::{Config, Error, Flush, Stop, Summary};
use object_store::memory::InMemory;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use service::{Health, Shutdown};
use tables::Table;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const PARTITIONS: u32 = 2;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bus in a folder of its own.
pub(crate) struct World {
    pub(crate) bus: SharedBus,
    pub(crate) runtime: Runtime,
    _folder: TempDir,
}

pub(crate) fn log_id() -> LogId {
    LogId::try_from("log1".to_owned()).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_partitions(PARTITIONS)
    }

    pub(crate) fn with_partitions(partitions: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            partitions,
            log_id: Some(log_id()),
            durability: Durability::Unsynced,
            ..Options::at(folder.path().join("bus"))
        };
        let bus = Arc::new(EmbeddedBus::open(options).unwrap());
        Self { bus, runtime: Runtime::new().unwrap(), _folder: folder }
    }

    pub(crate) fn publish(&self, mut records: Vec<Outgoing>) {
        let partitions = self.bus.partitions();
        for (n, record) in records.iter_mut().enumerate().filter(|_| partitions != PARTITIONS) {
            record.partition = Some(n as u32 / 4 % partitions);
        }
        futures::executor::block_on(self.bus.publish(records)).unwrap();
    }

    /// Starts a lake-writer on a thread of its own.
    pub(crate) fn start(&self, config: Config, lake: &Lake) -> Running {
        self.start_until(Shutdown::new(), config, lake)
    }

    /// The same with a token of its own.
    pub(crate) fn start_until(&self, shutdown: Shutdown, config: Config, lake: &Lake) -> Running {
        let health = Health::default();
        let (bus, lake, runtime) = (self.bus.clone(), lake.clone(), self.runtime.handle().clone());
        let thread = {
            let (shutdown, health) = (shutdown.clone(), health.clone());
            std::thread::spawn(move || lake_writer::run(&config, &bus, &lake, &runtime, &shutdown, &health))
        };
        Running { thread, shutdown, health }
    }

    /// A bounded run over what the bus holds.
    pub(crate) fn run_to_the_end(&self, config: Config, lake: &Lake) -> Result<Summary, Error> {
        let upstream_finished = Shutdown::new();
        upstream_finished.cancel();
        self.start(Config { stop: Stop::AtEnd { upstream_finished }, ..config }, lake).join()
    }

    /// What stands of a table, all partitions.
    pub(crate) fn audit(&self, lake: &Lake, table: Table) -> Vec<Audit> {
        let series = |partition| Series { table, log_id: log_id(), partition };
        (0..self.bus.partitions())
            .map(|partition| self.runtime.block_on(lake.audit(series(partition))).unwrap())
            .collect()
    }

    /// How many rows a table has while it is written: a batch that is on its way may lack files.
    pub(crate) fn rows_so_far(&self, lake: &Lake, table: Table) -> u64 {
        self.audit(lake, table).iter().map(|audit| audit.rows).sum()
    }

    /// How many rows a table has; each is there once, and none is missing.
    pub(crate) fn rows(&self, lake: &Lake, table: Table) -> u64 {
        let audits = self.audit(lake, table);
        for audit in &audits {
            assert_eq!(audit.faults, [], "{}", audit.series);
        }
        audits.iter().map(|audit| audit.rows).sum()
    }
}

pub(crate) struct Running {
    thread: JoinHandle<Result<Summary, Error>>,
    pub(crate) shutdown: Shutdown,
    pub(crate) health: Health,
}

impl Running {
    pub(crate) fn stop(self) -> Summary {
        self.shutdown.cancel();
        self.join().unwrap()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    pub(crate) fn join(self) -> Result<Summary, Error> {
        self.thread.join().unwrap()
    }
}

/// Waits for something that comes by itself; a test that waits in vain fails.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A lake-writer that flushes by size or at the end alone.
pub(crate) fn patient() -> Config {
    Config { flush: Flush::every(Duration::from_secs(3600)), ..Config::default() }
}

fn time(n: i64) -> Timestamp {
    Timestamp::from_millis(1_431_864_000_000 + n % 3 * 86_400_000 + n)
}

fn outgoing(topic: Topic, n: i64, value: String) -> Outgoing {
    let partition = Some((n % i64::from(PARTITIONS)) as u32);
    Outgoing { topic, partition, key: None, value: Bytes::from(value), append_time: Some(time(n)) }
}

pub(crate) fn hit(n: i64) -> Outgoing {
    let time = time(n);
    let value = format!(
        r#"{{"hit_id":"00000000-0000-7000-8000-{n:012x}","schema":"hit/1","site":"s{}","visitor_id":"v{}","type":"pageview","event_time":"{time}","received_at":"{time}","time":"{time}","raw_offset":{n},"is_bot":false}}"#,
        n % 2,
        n % 7,
    );
    outgoing(Topic::HitsEnriched, n, value)
}

pub(crate) fn late(n: i64) -> Outgoing {
    let hit = String::from_utf8(hit(n).value.to_vec()).unwrap();
    outgoing(Topic::Late, n, hit.replace(r#""is_bot":false"#, r#""late_reason":"too_old""#))
}

pub(crate) fn rejection(n: i64) -> Outgoing {
    outgoing(Topic::Rejected, n, format!(r#"{{"reason":"too_long","time":"{}"}}"#, time(n)))
}

pub(crate) fn session(n: i64) -> Outgoing {
    let time = time(n);
    let value = format!(
        r#"{{"session_id":"00000000-0000-8000-8000-{n:012x}","schema":"session/1","site":"s","visitor_id":"v{n}","start":"{time}","end":"{time}","duration_ms":0,"hit_count":1,"pageview_count":1,"event_count":0,"is_bounce":true,"engaged_ms":0,"pages":[{{"path":"/","time":"{time}"}}],"pages_truncated":false,"channel":"direct","is_bot":false,"closed_by":"gap","is_split":false,"merged_ids":[],"partition":0,"first_offset":{n},"last_offset":{n},"closed_at":"{time}"}}"#
    );
    outgoing(Topic::Sessions, n, value)
}

/// Something that is no record of any table.
pub(crate) fn nonsense(n: i64) -> Outgoing {
    outgoing(Topic::HitsEnriched, n, "nonsense".to_owned())
}

/// Records of all tables.
pub(crate) fn all_kinds(n: std::ops::Range<i64>) -> Vec<Outgoing> {
    n.flat_map(|n| [hit(n), session(n), late(n), rejection(n)]).collect()
}

/// Every object with its bytes.
pub(crate) fn contents(world: &World, store: &Arc<InMemory>) -> Vec<(String, Bytes)> {
    world.runtime.block_on(async {
        let objects: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
        let read = objects.into_iter().map(async |object| {
            let bytes = store.get(&object.location).await.unwrap().bytes().await.unwrap();
            (object.location.to_string(), bytes)
        });
        futures::stream::iter(read).buffered(1).collect().await
    })
}

pub(crate) fn in_memory() -> (Arc<InMemory>, Lake) {
    let store = Arc::new(InMemory::new());
    (store.clone(), Lake::over(store))
}
