//! How a set of Kafka topics is opened as one log.

use std::time::Duration;

use events::{LogId, Span, Topic};

use super::properties::Properties;
use super::stop::Stop;

/// Everything that the Kafka bus can be told. [`Options::at`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// The brokers to ask first, each `host:port`.
    pub brokers: Vec<String>,
    /// What the names of topics, groups and transactions begin with.
    pub topic_prefix: String,
    /// Topics that have a name of their own instead of prefix and name.
    pub named: Vec<(Topic, String)>,
    /// The number of partitions of every topic; another number is refused.
    pub partitions: u32,
    /// How many brokers hold each record of a topic that is created here.
    pub replication_factor: u16,
    /// Creates the topics that are absent; else an absent topic is refused.
    pub create_topics: bool,
    /// Only looks: nothing is made or written, and what would break a promise of those who write is let be.
    pub reads_only: bool,
    /// How long records are kept: topics are created so, and refused where they keep them for less; `None`: for good.
    pub retention: Option<Span>,
    /// The most bytes of each partition that are kept, likewise; `None`: no bound.
    pub retention_bytes: Option<u64>,
    /// Who says when a record was appended.
    pub stamps: Stamps,
    /// The id of a log that has none yet; `None` draws a random one. One that the log does not have is refused.
    pub log_id: Option<LogId>,
    /// Further settings of the clients. They win over what this crate sets, except where a promise stands on it.
    pub properties: Properties,
    /// What bounds time and memory.
    pub limits: Limits,
    /// Said to those who wait for a broker when the process wants to end.
    pub stop: Stop,
}

/// Who says when a record was appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamps {
    /// The broker, when it appends (`LogAppendTime`). A record that carries a time of its own is refused.
    Broker,
    /// The record, where it carries a time, as those of a bounded replay do (`CreateTime`). Such topics keep records for
    /// good: retention goes by the stamps, and those may lie years back.
    ///
    /// Steps are written there without transactions, whose markers would take offsets wherever a step happened to end: so
    /// two replays of the same have the same offsets. One that fails is not mended, but done again on other topics.
    Record,
}

/// What bounds time and memory (P6). Sizes in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The largest record, key and value together.
    pub record: usize,
    /// What may wait to be acknowledged; over that, publishing is refused until there is room again.
    pub queue: usize,
    /// What a worker or a reader holds of each partition before it was asked for.
    pub fetch: usize,
    /// How long opening waits for a broker that answers.
    pub connect: Duration,
    /// How long a record waits to be acknowledged. At the edge shorter than a request's own timeout, so that it hears why.
    pub publish: Duration,
    /// How long a question to the brokers, and one attempt of a step, may take.
    pub request: Duration,
    /// How long the group waits for a member that says nothing.
    pub session: Duration,
    /// How long a transaction of a member that says nothing stays open, and keeps readers from what stands behind it.
    pub transaction: Duration,
    /// How long a transaction may hide the position of a partition that becomes ours, before what its owner left open is ended
    /// under the owner's name. Longer than `transaction` and the ten seconds after which brokers look for what is over.
    pub hidden: Duration,
}

impl Options {
    /// The defaults: 4 partitions, one copy, kept for 7 days, topics created where they are absent.
    pub fn at(brokers: Vec<String>, topic_prefix: impl Into<String>) -> Self {
        Self {
            brokers,
            topic_prefix: topic_prefix.into(),
            named: Vec::new(),
            partitions: 4,
            replication_factor: 1,
            create_topics: true,
            reads_only: false,
            retention: Some(Span::from_hours(7 * 24)),
            retention_bytes: None,
            stamps: Stamps::Broker,
            log_id: None,
            properties: Properties::default(),
            limits: Limits::default(),
            stop: Stop::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record: 1 << 20,
            queue: 64 << 20,
            fetch: 8 << 20,
            connect: Duration::from_secs(10),
            publish: Duration::from_secs(8),
            request: Duration::from_secs(30),
            session: Duration::from_secs(45),
            transaction: Duration::from_secs(10),
            hidden: Duration::from_secs(30),
        }
    }
}
