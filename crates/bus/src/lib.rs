//! The log between the services: publish durably, process exactly once, read along.
//!
//! [`Bus`], [`Worker`] and [`Reader`] are the whole contract, and `contract` is the test suite that every
//! backend passes. This crate must never look into a record's value: it carries bytes, keys and offsets.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod embedded;
pub mod kafka;
pub mod partitioner;
mod record;

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::{LogId, NextOffset, Span, Topic};
use futures::future::BoxFuture;

pub use record::{Outgoing, Record, Source};

/// One log: seven topics with the same number of partitions.
///
/// A handle is cheap to clone behind an [`Arc`] and may be used from any thread.
pub trait Bus: Send + Sync + 'static {
    /// The number of partitions of every topic; fixed when the log was made.
    fn partitions(&self) -> u32;

    /// Names this log for good. Where nobody named it before, it is named now.
    fn log_id(&self) -> Result<LogId, BusError>;

    /// Appends the records in the order given. Resolves once **all** of them are durable (P1); on an error none
    /// of them is promised, though some may stand. Records of one partition keep their order.
    ///
    /// The future may be dropped: the records may then stand or not.
    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>>;

    /// Joins a consumer group. Each partition of the group's topics belongs to exactly one live member. A member
    /// that joins under an instance name which is in use fences the older one.
    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError>;

    /// Reads one partition from a position on, outside any group; sees committed records alone. A position
    /// below the first record that is kept starts at that record.
    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError>;

    /// The first offset that is kept and the end of a partition. The end counts records of steps that are not
    /// committed yet, where the backend has such.
    fn bounds(&self, source: Source) -> Result<Bounds, BusError>;

    /// Bytes of records that wait to be made durable; for metrics.
    fn queued_bytes(&self) -> usize;

    /// How the bus is, for `/ready`, logs and metrics. Never blocks. One on this machine's disk is never away.
    fn condition(&self) -> Condition {
        Condition::default()
    }
}

/// How a bus is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Condition {
    /// Nobody answers; `None` while somebody does.
    pub away: Option<Away>,
    /// How many producers were replaced so far: they failed for good, or heard nothing while the bus answered others.
    pub producers_replaced: u64,
    /// How many records retention has removed before every group had committed them. An embedded log alone knows.
    pub expired_uncommitted: u64,
}

/// A bus that does not answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Away {
    /// When it answered last.
    pub since: Instant,
    /// What was heard instead of an answer. One line.
    pub why: String,
}

/// The key of the record that names the log, in partition 0 of the state topic, where a backend keeps it there.
pub const LOG_KEY: &[u8] = b"#log";

/// How long a tombstone stays in a compacted topic, at least, from when what it overrules is gone. Whoever reads such a topic
/// from its start is done by then, or starts over: what it read first may have been ended by a tombstone that is gone before
/// it comes there.
pub const TOMBSTONES_KEPT: Span = Span::from_mins(15);

/// A shared handle to a log.
pub type SharedBus = Arc<dyn Bus>;

/// Who joins a group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The group's name; positions are kept under it.
    pub name: String,
    /// Names this member for good, so that a restart takes its place instead of adding to it; others get its
    /// partitions only when it stays away. `None`: a member like any other, gone when it leaves.
    pub instance: Option<String>,
    /// The topics whose partitions the group shares out, each partition by itself.
    pub topics: Vec<Topic>,
    /// Whether steps have outputs. A group that only reads commits its positions at less cost.
    pub produces: bool,
}

/// Where a partition begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The first position that can still be read.
    pub start: NextOffset,
    /// The position behind the last record.
    pub end: NextOffset,
}

/// One member of a consumer group: polls records and commits steps. It belongs to one thread.
///
/// Dropping it gives its partitions back without committing.
pub trait Worker: Send {
    /// Waits until there is something to do, at most for the timeout. Woken by a publish; does not spin.
    fn poll(&mut self, timeout: Duration) -> Result<Polled, BusError>;

    /// The next poll of this source starts at the position. Only for sources that are assigned.
    fn seek(&mut self, source: Source, position: NextOffset) -> Result<(), BusError>;

    /// Stops handing out records of the source until [`Worker::resume`]; it stays assigned (P6).
    fn pause(&mut self, source: Source) -> Result<(), BusError>;

    /// Hands records of the source out again.
    fn resume(&mut self, source: Source) -> Result<(), BusError>;

    /// Makes outputs and positions durable as one: all of them or none (P2). The outputs are copied before the
    /// call returns. [`BusError::Fenced`] and
    /// [`BusError::Namesake`] mean that another member has taken over and nothing was written.
    fn commit(&mut self, step: Step<'_>) -> Result<(), BusError>;
}

/// What one [`Worker::poll`] brought.
#[derive(Debug)]
pub enum Polled {
    /// These sources are ours from now on, each with the group's committed position, where it has one. Reading
    /// starts there, else at the log's start, unless [`Worker::seek`] is called first.
    Assigned(Vec<Assignment>),
    /// These sources are about to be taken away. What was processed may still be committed, until the next poll.
    Revoked(Vec<Source>),
    /// Records of one source, in order. Never empty.
    Records {
        /// Where they come from.
        source: Source,
        /// The records, in the order of their offsets.
        records: Vec<Record>,
    },
    /// A source was read to its end, as it was a moment ago. Said once, until there is more.
    End {
        /// Which one.
        source: Source,
        /// Every record before this position was handed out. Offsets that hold no record may lie between the last one
        /// and this.
        position: NextOffset,
    },
    /// Nothing came within the timeout.
    Nothing,
}

/// A source that became ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// The topic partition.
    pub source: Source,
    /// The position that the group committed last. Kafka can lose the end of a transaction, and then this is the one before it:
    /// a member whose steps write the position among their outputs goes by that.
    pub committed: Option<NextOffset>,
}

/// What one atomic step writes.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Records to append, in order; the partition is named in each.
    pub outputs: &'a [Output<'a>],
    /// The positions reached, one for each source that moved.
    pub positions: &'a [(Source, NextOffset)],
}

/// One record that a step writes. Borrowed, so that an engine's output buffer need not be copied twice.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// Where it goes.
    pub target: Source,
    /// Its key; `None` is a null key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` is a tombstone (compacted topics alone).
    pub value: Option<&'a [u8]>,
}

/// Reads one partition outside any group.
pub trait Reader: Send {
    /// The next records, in order; empty when none came within the timeout, or when the position moved over offsets
    /// without records. Beside an embedded log in another process the log is looked at every 100 ms; else a waiting
    /// reader is woken by a publish.
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError>;

    /// The position of the next record to be read. Moves over offsets that hold no record, too.
    fn position(&self) -> NextOffset;
}

/// What can go wrong on a bus.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BusError {
    /// The bus cannot take records now; trying again later may work.
    #[error("the bus is not available: {0}")]
    Unavailable(String),
    /// Another member took this one's place; this one must stop and join anew.
    #[error("another instance took over: {0}")]
    Fenced(String),
    /// Another process runs under this member's instance name. Joining anew would take its place, and so on for ever: this
    /// one must end.
    #[error(
        "--instance-id {instance} is in use: another process has joined under this name and taken over; give each its own \
         ({detail})"
    )]
    Namesake {
        /// The name.
        instance: String,
        /// How it was noticed.
        detail: String,
    },
    /// The disk under an embedded bus is full.
    #[error("the disk is full: {0}")]
    Full(String),
    /// One record is larger than the bus takes.
    #[error("a record of {size} bytes is over the bus's limit of {limit}")]
    TooLarge {
        /// The record's size in bytes.
        size: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// The bus is there, but it is not one that this build can work with.
    #[error("{0}")]
    Refused(String),
    /// The log is damaged; the message names the file or the topic and what is wrong with it.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

impl BusError {
    /// Whether joining anew may help. What brokers refuse at first is for a person to mend before the next start; what they refuse
    /// to one that `has_worked`, whose rights were taken away, say, they may allow again.
    pub fn is_passing(&self, has_worked: bool) -> bool {
        match self {
            Self::Unavailable(_) | Self::Fenced(_) | Self::Full(_) => true,
            Self::Refused(_) => has_worked,
            Self::Namesake { .. } | Self::TooLarge { .. } | Self::Damaged(_) => false,
        }
    }
}
