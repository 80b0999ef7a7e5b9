//! Apache Kafka as the bus: seven topics under one prefix.
//!
//! ```text
//!  publish ──▶ publisher ─── one idempotent producer ──▶ hits, rejected
//!  join ─────▶ member ─┬──── one consumer: group, its partitions' queues ──▶ poll
//!                      └──── transaction: one producer, outputs and positions together
//!  read ─────▶ reader ────── one consumer of one partition, outside any group
//!  bounds ───▶ watcher ───── one client that reads uncommitted
//! ```
//!
//! `options` is what can be said about it, `properties` reads a Java client's file, `client` what all clients have alike, `topics` makes and checks the topics,
//! `names` knows how they are called, `log_id` finds the record that names the log, `group` notes what librdkafka calls
//! back, `batch` makes records of messages, `error` says what a caller can do about an error,
//! `closing` ends clients in time, `stop` says that there is little of it; `pulse` knows whether any broker answers, and
//! `silence` for how long a producer has heard nothing; `oauth` gets tokens by OpenID Connect.
//!
//! librdkafka's threads do the networking. What blocks here blocks for a bounded time.

mod batch;
mod client;
mod closing;
mod error;
mod group;
mod hanging;
mod log_id;
mod member;
mod names;
mod oauth;
mod options;
pub mod properties;
mod publisher;
mod pulse;
mod reader;
mod silence;
mod stop;
mod topics;
mod transaction;
mod watcher;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use events::{LogId, NextOffset, Topic};
use futures::future::BoxFuture;

pub use options::{Limits, Options, Stamps};
pub use stop::Stop;

use crate::{Bounds, Bus, BusError, Condition, Group, Outgoing, Reader, Source, Worker};
use names::Names;
use publisher::Publisher;
use pulse::Pulse;
use watcher::Watcher;

/// A log on Apache Kafka. Clones are handles to the same clients.
#[derive(Clone)]
pub struct KafkaBus {
    shared: Arc<Shared>,
}

/// What everybody who uses one handle shares.
struct Shared {
    options: Arc<Options>,
    names: Arc<Names>,
    watcher: Arc<Watcher>,
    pulse: Arc<Pulse>,
    publisher: Publisher,
    log_id: OnceLock<LogId>,
    /// Held by whoever asks for it: two at once would fence each other, though nobody else is there.
    asking: Mutex<()>,
}

impl KafkaBus {
    /// Connects, makes the topics that are absent where that is wished, and checks those that are there.
    ///
    /// # Errors
    ///
    /// [`BusError::Refused`] where a person must do something: credentials, certificates, rights, topics that do not keep
    /// the promises; it says what. [`BusError::Unavailable`] where no broker answers within [`Limits::connect`].
    pub fn open(options: Options) -> Result<Self, BusError> {
        let options = Arc::new(options);
        let names = Arc::new(Names::new(&options));
        let watcher = Arc::new(Watcher::new(&options)?);
        watcher.connect(&options.brokers)?;
        topics::open(&options, &names, &watcher)?;
        let pulse = Arc::new(match options.reads_only {
            true => Pulse::none(),
            false => Pulse::start(watcher.clone(), names.topic(Topic::Hits).to_owned(), options.stop.clone())?,
        });
        let publisher = Publisher::new(options.clone(), names.clone(), pulse.clone())?;
        let (log_id, asking) = (OnceLock::new(), Mutex::new(()));
        Ok(Self { shared: Arc::new(Shared { options, names, watcher, pulse, publisher, log_id, asking }) })
    }
}

impl Shared {
    /// Refuses what would leave a trace.
    fn may_write(&self) -> Result<(), BusError> {
        match self.options.reads_only {
            true => Err(BusError::Refused("the log was opened for reading alone".to_owned())),
            false => Ok(()),
        }
    }
}

impl std::fmt::Debug for KafkaBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaBus").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Bus for KafkaBus {
    fn partitions(&self) -> u32 {
        self.shared.names.partitions()
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        if let Some(id) = self.shared.log_id.get() {
            return Ok(id.clone());
        }
        let _asking = self.shared.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = self.shared.log_id.get() {
            return Ok(id.clone());
        }
        let id = log_id::find_or_write(&self.shared)?;
        Ok(self.shared.log_id.get_or_init(|| id).clone())
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        match self.shared.may_write() {
            Ok(()) => self.shared.publisher.publish(&records),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        self.shared.may_write()?;
        if group.produces {
            // The state topic names its log before it holds anything else.
            self.log_id()?;
        }
        Ok(Box::new(member::Member::join(self.shared.clone(), group)?))
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        let shared = &self.shared;
        let (names, watcher) = (shared.names.clone(), shared.watcher.clone());
        Ok(Box::new(reader::PartitionReader::new(&shared.options, names, watcher, source, from)?))
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        self.shared.names.check(source)?;
        self.shared.watcher.bounds(self.shared.names.topic(source.topic), source.partition)
    }

    fn queued_bytes(&self) -> usize {
        self.shared.publisher.waiting()
    }

    fn condition(&self) -> Condition {
        let (away, producers_replaced) = (self.shared.pulse.away(), self.shared.publisher.replaced());
        Condition { away, producers_replaced, ..Condition::default() }
    }
}
