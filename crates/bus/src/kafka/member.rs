//! A member of a consumer group: one consumer, and one producer of transactions if its steps have outputs.
//!
//! Each partition has a queue of its own, so that records come in batches of one source, the end of a partition says whose it
//! is, and a paused source is one whose queue is not looked at: it fills up to its bound, and nothing is fetched twice.
//!
//! What librdkafka says about the group is noted by `group` and told by the next poll. The group waits for the answer, which
//! the poll after that gives: so a source is assigned once the caller has said where it starts, and it is taken away once the
//! caller has committed what it has. Heartbeats go on meanwhile, in librdkafka's threads; `max.poll.interval.ms` is the
//! longest that a caller may be away, restoring for instance.

mod assignment;
mod commit;
mod predecessor;
mod reading;
mod sources;
mod unowned;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::NextOffset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use uuid::Uuid;

use super::Shared;
use super::closing::Closing;
use super::group::Context;
use super::options::Stamps;
use super::publisher::Publisher;
use super::transaction::Transactions;
use super::{client, error};
use crate::{BusError, Group, Polled, Source, Step, Worker};
use assignment::Answer;
use predecessor::Unsigned;
use sources::Sources;
use unowned::Look;

/// How long a caller may stay away between two polls. A restore of millions of sessions takes a minute.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(600);

/// Longer than two heartbeats are apart: by then a member knows that another one has joined under its name.
const HEARD_OF_A_NAMESAKE: Duration = Duration::from_secs(7);

/// How long one question for positions may take.
const ANSWER: Duration = Duration::from_secs(1);

/// How long librdkafka's own thread may take to hear of a seek.
const SEEKING: Duration = Duration::from_secs(1);

/// The longest sleep: log lines of librdkafka can hide what stands behind them in a queue.
const SLICE: Duration = Duration::from_millis(100);

pub(super) struct Member {
    shared: Arc<Shared>,
    group: Group,
    sources: Sources,
    consumer: Closing<Arc<BaseConsumer<Context>>>,
    writer: Writer,
    /// The name of its transactions, by which others know whose may be open (`predecessor`).
    signature: Option<String>,
    unsigned: Unsigned,
    answer: Option<Answer>,
    /// Whether partitions belong to nobody, from the first assignment on of a member with an instance name.
    look: Option<Look>,
    has_joined: bool,
    /// Why this member is of no use any more.
    failed: Option<BusError>,
}

/// How outputs are written.
enum Writer {
    /// There are none.
    None,
    /// As one with the positions.
    Transactions(Transactions),
    /// Before the positions: a bounded replay's ([`Stamps::Record`]).
    Plain(Publisher),
}

impl Member {
    pub(super) fn join(shared: Arc<Shared>, group: Group) -> Result<Self, BusError> {
        let name = shared.names.named(&group.name);
        // First of all: an older namesake is fenced, and what it left open is ended.
        let options = &shared.options;
        let signature = match &group.instance {
            _ if !group.produces || options.stamps == Stamps::Record => None,
            Some(instance) => Some(format!("{name}.{instance}")),
            // Nobody takes this one's place by name; the group's generation fences it (KIP-447).
            None => Some(format!("{name}.{}", Uuid::new_v4())),
        };
        let writer = match &signature {
            Some(signature) => Writer::Transactions(Transactions::new(options, signature)?),
            None if group.produces => {
                Writer::Plain(Publisher::new(options.clone(), shared.names.clone(), shared.pulse.clone())?)
            }
            None => Writer::None,
        };
        let mut config = client::consumer(options);
        let set_unless_given = |config: &mut rdkafka::ClientConfig, key: &str, value: String| {
            if config.get(key).is_none() {
                config.set(key, value);
            }
        };
        let session = options.limits.session;
        set_unless_given(&mut config, "session.timeout.ms", session.as_millis().to_string());
        set_unless_given(&mut config, "heartbeat.interval.ms", (session / 10).as_millis().min(3000).to_string());
        set_unless_given(&mut config, "max.poll.interval.ms", MAX_POLL_INTERVAL.as_millis().to_string());
        config.set("group.id", &name).set("partition.assignment.strategy", "cooperative-sticky");
        match &group.instance {
            Some(instance) => config.set("group.instance.id", instance),
            None => config.remove("group.instance.id"),
        };
        let context = Context::new(options);
        let signal = context.signal.clone();
        let mut consumer: BaseConsumer<Context> =
            config.create_with_context(context).map_err(|error| client::bad_settings(&error))?;
        consumer.set_nonempty_callback(move || signal.set());
        let consumer = Closing::awaited(Arc::new(consumer), &options.stop);
        let member = Self {
            shared,
            group,
            sources: Sources::default(),
            consumer,
            writer,
            signature,
            unsigned: Unsigned::new(),
            answer: None,
            look: None,
            has_joined: false,
            failed: None,
        };
        member.subscribe()?;
        Ok(member)
    }

    fn subscribe(&self) -> Result<(), BusError> {
        let topics: Vec<_> = self.group.topics.iter().map(|topic| self.shared.names.topic(*topic)).collect();
        self.consumer.subscribe(&topics).map_err(|error| error::of("the group cannot be joined", &error))
    }

    /// The group has given this member its part. If it has come back under its instance name, that was without a rebalance.
    fn joined(&mut self) {
        if std::mem::replace(&mut self.has_joined, true) || self.group.instance.is_none() {
            return;
        }
        let names = &self.shared.names;
        let of_topic = |topic| (0..names.partitions() as i32).map(move |n| (names.topic(topic).to_owned(), n));
        let all: BTreeSet<_> = self.group.topics.iter().flat_map(|topic| of_topic(*topic)).collect();
        self.look = Look::begin(self.shared.watcher.clone(), names.named(&self.group.name), all);
    }

    /// Takes part in the group anew where partitions belong to nobody: then they are shared out. What this member has it is told
    /// to give up first, like any other that it loses.
    fn see_to_the_unowned(&mut self) -> Result<(), BusError> {
        if !self.look.as_ref().is_some_and(Look::has_found) {
            return Ok(());
        }
        self.look = None;
        tracing::info!(
            group = self.group.name,
            "partitions belong to nobody; joining anew so that they are shared out"
        );
        self.consumer.unsubscribe();
        self.subscribe()
    }

    /// Notes what ends this member.
    fn fail<T>(&mut self, error: BusError) -> Result<T, BusError> {
        let error = self.or_by_a_namesake(error);
        self.failed = Some(error.clone());
        Err(error)
    }

    /// Looks whether it was a process of the same name that took over: the consumer hears of it with its next heartbeat. A
    /// transaction that took too long ends its producer in the same words, and there joining anew is right.
    fn or_by_a_namesake(&self, error: BusError) -> BusError {
        let (BusError::Fenced(detail), Some(instance)) = (&error, &self.group.instance) else { return error };
        let begun = Instant::now();
        loop {
            // The log comes first, and tells whether the session was missed.
            drop(self.consumer.poll(Duration::from_millis(20)));
            if self.consumer.context().has_missed_a_session() {
                return error;
            }
            let fatal = self.consumer.client().fatal_error();
            if fatal.is_some_and(|(code, _)| code == Code::FencedInstanceId) {
                return BusError::Namesake { instance: instance.clone(), detail: detail.clone() };
            }
            if begun.elapsed() >= HEARD_OF_A_NAMESAKE || self.shared.options.stop.is_set() {
                return error;
            }
        }
    }

    /// Serves the group, the log and the errors.
    fn serve(&mut self) -> Result<(), BusError> {
        if let Writer::Transactions(transactions) = &self.writer {
            transactions.serve();
        }
        match self.consumer.poll(Duration::ZERO) {
            None => Ok(()),
            Some(Ok(message)) => {
                // Every partition has a queue of its own before anything is fetched.
                let place = format!("{}/{}", message.topic(), message.partition());
                drop(message);
                self.fail(BusError::Unavailable(format!("a record of {place} came by the way of no partition")))
            }
            Some(Err(error)) => self.heard(&error),
        }
    }

    fn heard(&mut self, error: &KafkaError) -> Result<(), BusError> {
        let Some(code) = error::code(error) else { return Ok(()) };
        let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_)) || code == Code::Fatal;
        let log = &self.consumer.context().log;
        if is_fatal || log.is_fatal() {
            let reason = log.last().map_or_else(|| code.to_string(), |(_, reason)| reason);
            return self.fail(BusError::Fenced(reason));
        }
        // The login was good when the bus was opened: what the brokers refuse now is tried again (`Log::of_an_open_bus`).
        if error::is_final(code) && !error::is_login(code) {
            let error = error::of(&format!("group {}", self.group.name), error);
            return self.fail(error);
        }
        // A broker that is away comes back, and one that no longer leads names its successor.
        Ok(())
    }
}

impl Worker for Member {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, BusError> {
        let deadline = Instant::now().checked_add(timeout);
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.answer()?;
        loop {
            // Before looking: what comes while looking is not slept over.
            self.consumer.context().signal.clear();
            self.serve()?;
            self.see_to_the_unowned()?;
            if let Some(polled) = self.next_change()? {
                return Ok(polled);
            }
            if let Some(polled) = self.next_records()? {
                return Ok(polled);
            }
            let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(Polled::Nothing);
            }
            self.consumer.context().signal.wait(left.min(SLICE));
        }
    }

    fn seek(&mut self, source: Source, position: NextOffset) -> Result<(), BusError> {
        self.seek_to(source, position)
    }

    fn pause(&mut self, source: Source) -> Result<(), BusError> {
        self.set_paused(source, true)
    }

    fn resume(&mut self, source: Source) -> Result<(), BusError> {
        self.set_paused(source, false)
    }

    fn commit(&mut self, step: Step<'_>) -> Result<(), BusError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => self.commit_step(step),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // The queues hold the consumer; it leaves the group when the last hold is gone.
        self.sources.clear();
        self.consumer.context().close();
        // What the group said and was not answered it waits for still.
        if self.answer.take().is_some() || self.consumer.context().next_change().is_some() {
            drop(self.consumer.unassign());
        }
    }
}
