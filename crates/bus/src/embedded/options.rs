//! How an embedded bus is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use events::{LogId, Span, Timestamp};

/// Tells the bus what time it is; a test hands in its own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(since_epoch.as_millis() as i64)
    })
}

/// Everything that an embedded bus can be told. [`Options::at`] gives the defaults.
#[derive(Clone)]
pub struct Options {
    /// The directory that holds the log; made when it is absent.
    pub path: PathBuf,
    /// The number of partitions of every topic. Fixed when the log is made; another number is refused later.
    pub partitions: u32,
    /// The id of a log that is made now; `None` draws a random one. One that an existing log does not have is refused.
    pub log_id: Option<LogId>,
    /// What an acknowledged record survives.
    pub durability: Durability,
    /// How long records are kept.
    pub retention: Retention,
    /// What bounds memory and disk.
    pub limits: Limits,
    /// Stamps append times and decides what is old enough to go.
    pub clock: Clock,
}

impl Options {
    /// The defaults for a log in a directory: 4 partitions, synced, kept for 7 days.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            partitions: 4,
            log_id: None,
            durability: Durability::Synced,
            retention: Retention::default(),
            limits: Limits::default(),
            clock: system_clock(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("path", &self.path)
            .field("partitions", &self.partitions)
            .field("log_id", &self.log_id)
            .field("durability", &self.durability)
            .field("retention", &self.retention)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What an acknowledged record survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// A crash of the machine: every commit is synced to the disk before it is acknowledged (P1).
    Synced,
    /// A crash of the process alone. For a bus that is thrown away after use.
    Unsynced,
}

/// How long records are kept. Old ones go in whole batches, from the front; compacted topics keep the newest record
/// of each key for good, and a tombstone for 15 minutes after what it overrules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Records that the bus took longer ago than this go; `None` keeps them for good. Counts from when the bus took
    /// a record, even where the record carries an append time of its own.
    pub age: Option<Span>,
    /// The oldest records of a partition go while it holds more bytes than this; `None` sets no bound.
    pub bytes_per_partition: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Some(Span::from_hours(7 * 24)), bytes_per_partition: None }
    }
}

impl Retention {
    /// Keeps everything.
    pub const FOREVER: Self = Self { age: None, bytes_per_partition: None };
}

/// What bounds memory and disk (P6). All in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The largest record, key and value together.
    pub record: usize,
    /// What may wait for the disk; over that, publishing is refused until there is room again.
    pub queue: usize,
    /// The newest records that stay in memory, so that who follows the log closely never reads the disk.
    pub recent: usize,
    /// The largest size of the log's file; `None` leaves it to the disk. Over it, the disk counts as full.
    pub file: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { record: 1 << 20, queue: 64 << 20, recent: 32 << 20, file: None }
    }
}
