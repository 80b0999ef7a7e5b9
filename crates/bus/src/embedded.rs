//! The embedded bus: one SQLite file, one thread that writes it, and memory for those who follow closely.
//!
//! ```text
//!  publish ─┐                    ┌─▶ log.db        batches, ends, positions: one transaction, one sync
//!           ├─▶ queue ─▶ writer ─┤
//!  commit ──┘                    └─▶ tail ─▶ wakes workers and readers; who lags behind it reads log.db
//! ```
//!
//! `queue` holds what waits and bounds it, `writer` turns it into one `transaction`, `tail` is the log's ends and its
//! newest batches, `disk` reads older ones, `housekeeping` removes what need not stay (`retention`, `compaction`),
//! `groups` decides who owns which partition, `file` makes and opens the log, `beside` reads it from another process.

mod batch;
mod beside;
mod compaction;
mod counters;
mod disk;
mod fault;
mod file;
mod groups;
mod housekeeping;
mod lock;
mod options;
mod place;
mod queue;
mod reader;
mod retention;
mod tail;
mod transaction;
mod wal;
mod worker;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread::JoinHandle;

use events::{LogId, NextOffset, Timestamp};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{self, BoxFuture};
use rusqlite::Connection;

pub use counters::Counts;
pub use options::{Clock, Durability, Limits, Options, Retention, system_clock};

use crate::partitioner::partition_of;
use crate::{Bounds, Bus, BusError, Condition, Group, Outgoing, Reader, SharedBus, Source, Worker};
use batch::{Segment, Segments};
use counters::Counters;
use disk::Disk;
use groups::{Committed, GroupState};
use housekeeping::Housekeeping;
use queue::{Answer, Queue, Request, Work};
use tail::Tail;

/// The embedded bus, open in the process that owns it. Clones are handles to the same log, which is closed when the
/// last handle, worker and reader are gone.
#[derive(Clone)]
pub struct EmbeddedBus {
    log: Arc<Log>,
}

/// An open log. Whoever uses it holds it, so that it is not closed under anybody.
pub(crate) struct Log {
    shared: Arc<Shared>,
    log_id: LogId,
    limits: Limits,
    disk: Disk,
    groups: Mutex<HashMap<String, GroupState>>,
    round_robin: AtomicU32,
    writer: Option<JoinHandle<()>>,
    /// Let go last, when nothing is written any more.
    _lock: File,
}

/// What the log's users share with the writer.
pub(crate) struct Shared {
    partitions: u32,
    queue: Queue,
    tail: Tail,
    committed: Committed,
    counters: Counters,
}

impl EmbeddedBus {
    /// Opens the log in a directory, or makes it.
    ///
    /// # Errors
    ///
    /// [`BusError::Refused`] where another process has it open, or it is of a newer format, or has another number of
    /// partitions or another id than asked for; [`BusError::Damaged`] where the file is not what it should be. All
    /// name the file.
    pub fn open(options: Options) -> Result<Self, BusError> {
        let paths = file::Paths::of(&options.path);
        let opened = file::open(&options, &paths)?;
        let (tail, committed) = load(&opened.connection, &paths.log, &options)?;
        let shared = Arc::new(Shared {
            partitions: options.partitions,
            queue: Queue::new(options.limits.queue),
            tail,
            committed,
            counters: Counters::default(),
        });
        let writer = writer::Writer {
            connection: opened.connection,
            file: paths.log.clone(),
            wal: paths.wal.clone(),
            shared: shared.clone(),
            housekeeping: Housekeeping::new(options.retention),
            clock: options.clock,
            is_failing: false,
        };
        let writer = std::thread::Builder::new()
            .name("bus-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| BusError::Unavailable(format!("the bus's thread cannot start: {error}")))?;
        Ok(Self {
            log: Arc::new(Log {
                shared,
                log_id: opened.log_id,
                limits: options.limits,
                disk: Disk::new(paths.log),
                groups: Mutex::default(),
                round_robin: AtomicU32::new(0),
                writer: Some(writer),
                _lock: opened.lock,
            }),
        })
    }

    /// Opens the log in a directory beside the process that owns it (or without one), for reading alone: publishing
    /// and joining are refused. New records are looked for every 100 ms.
    ///
    /// # Errors
    ///
    /// [`BusError::Refused`] where there is no log or one of a newer format, [`BusError::Damaged`] as for
    /// [`Self::open`].
    pub fn open_beside(directory: &Path) -> Result<SharedBus, BusError> {
        Ok(Arc::new(beside::LogBeside::open(directory)?))
    }

    /// Removes what the retention does not keep at a moment, and what was superseded in compacted topics. The writer
    /// does so by itself, now and then and in small steps.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn enforce_retention(&self, now: Timestamp) -> Result<(), BusError> {
        self.log.and_wait(Work::Retain { now })
    }

    /// What the bus has done since it was opened, and what waits.
    pub fn counts(&self) -> Counts {
        self.log.shared.counters.counts(self.log.shared.queue.bytes())
    }
}

/// Reads what memory holds of the log, and checks that it fits the records.
fn load(connection: &Connection, log: &Path, options: &Options) -> Result<(Tail, Committed), BusError> {
    let mut standings = Vec::new();
    for source in place::all_sources(options.partitions) {
        let standing = disk::standing(connection, log, source)?;
        disk::check_end(connection, log, source, &standing)?;
        standings.push(standing);
    }
    let committed = Committed::default();
    disk::each_position(connection, log, |group, source, position| committed.reached(group, &[(source, position)]))?;
    Ok((Tail::new(options.partitions, options.limits.recent, standings), committed))
}

impl Bus for EmbeddedBus {
    fn partitions(&self) -> u32 {
        self.log.shared.partitions
    }

    fn queued_bytes(&self) -> usize {
        self.log.shared.queue.bytes()
    }

    fn condition(&self) -> Condition {
        let expired_uncommitted = self.log.shared.counters.all_expired_uncommitted();
        Condition { expired_uncommitted, ..Condition::default() }
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        Ok(self.log.log_id.clone())
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        let (sender, receiver) = oneshot::channel();
        let queued = self.log.encode(&records).and_then(|segments| {
            let work = Work::Append { segments, positions: None };
            self.log.shared.queue.offer(Request { work, answer: Answer::Task(sender) })
        });
        match queued {
            Ok(()) => receiver.map(|answer| answer.unwrap_or_else(|_| Err(queue::closed()))).boxed(),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        Ok(Box::new(worker::Member::join(self.log.clone(), group)?))
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        place::check(source, self.log.shared.partitions)?;
        Ok(Box::new(reader::LogReader::new(self.log.clone(), source, from)))
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        place::check(source, self.log.shared.partitions)?;
        let standing = self.log.shared.tail.standing(source);
        Ok(Bounds { start: standing.start, end: standing.end })
    }
}

impl Log {
    fn groups(&self) -> MutexGuard<'_, HashMap<String, GroupState>> {
        self.groups.lock().expect("nobody panics while holding the groups")
    }

    /// Encodes records on the caller's thread, so that the writer has only to place them.
    fn encode(&self, records: &[Outgoing]) -> Result<Vec<Segment>, BusError> {
        let mut segments = Segments::default();
        for record in records {
            let partitions = self.shared.partitions;
            let partition = match (record.partition, &record.key) {
                (Some(partition), _) => partition,
                (None, Some(key)) => partition_of(key, partitions),
                (None, None) => self.round_robin.fetch_add(1, Ordering::Relaxed) % partitions,
            };
            let source = Source { topic: record.topic, partition };
            self.check(source, record.key.as_deref(), Some(&record.value))?;
            segments.push(source, record.key.as_deref(), Some(&record.value), record.append_time);
        }
        Ok(segments.into_list())
    }

    /// Refuses a record that must not stand in the log.
    fn check(&self, source: Source, key: Option<&[u8]>, value: Option<&[u8]>) -> Result<(), BusError> {
        place::check(source, self.shared.partitions)?;
        let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        if size > self.limits.record {
            return Err(BusError::TooLarge { size, limit: self.limits.record });
        }
        match (source.topic.is_compacted(), key, value) {
            (true, None, _) => {
                Err(BusError::Refused(format!("{} keeps the newest of each key: a key is needed", source.topic)))
            }
            (false, _, None) => Err(BusError::Refused(format!("{} is not compacted: a value is needed", source.topic))),
            _ => Ok(()),
        }
    }

    /// Hands work to the writer and sleeps until it is done.
    fn and_wait(&self, work: Work) -> Result<(), BusError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.shared.queue.push(Request { work, answer: Answer::Thread(sender) })?;
        receiver.recv().unwrap_or_else(|_| Err(queue::closed()))
    }

    /// Looks once at a position, in memory if it is there, else on the disk.
    fn look(&self, source: Source, from: NextOffset) -> Result<reader::Look, BusError> {
        self.shared.counters.looked();
        let (bounds, found) = self.shared.tail.find(source, from);
        let from = from.max(bounds.start);
        let mut look = reader::Look { records: Vec::new(), position: from, end: bounds.end };
        match found {
            tail::Found::Nothing => {}
            tail::Found::InMemory(batches) => {
                for batch in batches {
                    batch.decode(from, &mut look.records).expect("what was encoded here is read back");
                    look.position = batch.next;
                }
            }
            tail::Found::OnDisk => {
                self.shared.counters.read_from_disk();
                let chunk = self.disk.read(source, from, bounds.end)?;
                (look.records, look.position) = (chunk.records, chunk.position);
            }
        }
        Ok(look)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.disk.close();
        self.shared.queue.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so on stderr; there is nobody left to tell.
            drop(writer.join());
        }
    }
}

#[cfg(test)]
mod tests;
