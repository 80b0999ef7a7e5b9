//! Transactions: outputs and positions become visible together, or not at all.
//!
//! librdkafka's traps, and what is done about them:
//! - The calls block, for ever if told so, and a short timeout leaves them half done. They are called again in slices, until
//!   the time for one attempt is over.
//! - `send_offsets_to_transaction` cannot be called again, and does not keep its timeout while the group's coordinator is not
//!   there (librdkafka's issue 5456). It gets a thread of its own, which is left behind when it takes too long, and the producer
//!   with it. The others keep theirs.
//! - `commit_transaction` of rust-rdkafka flushes first, and its flush sleeps in steps of 100 ms. So what was sent is waited
//!   for here, and the flush finds nothing to do.
//! - A queue that is full takes the beginning of what it was given: the rest is given again, in its order.
//! - After most failures nothing says which inputs count: the caller gets an error and begins anew from what is committed. Only
//!   where the group was at its next generation, and the abort was acknowledged, it is known that nothing stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::batch::native::{Messages, Topic};
use super::client::{self, Log};
use super::closing::Closing;
use super::error;
use super::hanging;
use super::names::Names;
use super::options::Options;
use super::stop::{Patience, Stop};
use crate::{BusError, Output};

const SLICE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

/// Records of one partition that are given to librdkafka at once.
const GIVEN: usize = 512;

/// A producer of transactions, under a name that fences its older namesakes.
pub(super) struct Transactions {
    producer: Closing<Arc<BaseProducer<Context>>>,
    limit: Duration,
    stop: Stop,
}

/// A message that fails fails the transaction, and that is where it is heard of.
struct Context(Log);

/// What one transaction commits beside its outputs.
pub(super) type Positions = Option<(TopicPartitionList, ConsumerGroupMetadata)>;

/// Why a transaction came to nothing.
pub(super) enum Failure {
    /// The group is at another generation than the positions were of. Nothing of the transaction stands, and another one may
    /// be begun.
    BetweenGenerations(BusError),
    /// It is not known what stands, or the producer is of no use any more.
    Final(BusError),
}

impl From<Failure> for BusError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::BetweenGenerations(error) | Failure::Final(error) => error,
        }
    }
}

/// Where an attempt failed.
enum Broken {
    /// At the positions, whose generation is over.
    Generation(BusError),
    /// In a call that has not returned.
    Hanging(BusError),
    Otherwise(BusError),
}

impl From<BusError> for Broken {
    fn from(error: BusError) -> Self {
        Self::Otherwise(error)
    }
}

impl Transactions {
    /// Takes the name over: an older holder is fenced from here on, and what it had begun is ended.
    pub(super) fn new(options: &Options, name: &str) -> Result<Self, BusError> {
        let mut config = client::producer(options);
        let timeout = options.limits.transaction.as_millis().to_string();
        config
            .set("transactional.id", name)
            .set("transaction.timeout.ms", &timeout)
            .set("message.timeout.ms", &timeout)
            // A step is sent in one go; waiting for more would wait for nothing.
            .set("linger.ms", "1")
            .set("delivery.report.only.error", "true")
            // Right behind a commit the broker is still writing markers, and the next transaction must ask again.
            .set("retry.backoff.ms", "10")
            .set("queue.buffering.max.kbytes", (2 * options.limits.queue / 1024).max(1024).to_string());
        // No request may wait for longer than the transaction that it is of, and librdkafka refuses a client that is told so:
        // as one is by the 30 s that Java's `request.timeout.ms` has.
        let wait = config.get("socket.timeout.ms").and_then(|wait| wait.parse().ok());
        if wait.is_some_and(|wait: u128| wait > options.limits.transaction.as_millis()) {
            config.set("socket.timeout.ms", &timeout);
        }
        let producer: BaseProducer<Context> = config
            .create_with_context(Context(Log::of_an_open_bus(options)))
            .map_err(|error| client::bad_settings(&error))?;
        let (limit, stop) = (options.limits.request, options.stop.clone());
        let transactions = Self { producer: Closing::awaited(Arc::new(producer), &stop), limit, stop };
        // A token, where one is needed, comes by this.
        transactions.serve();
        transactions.again("transactions cannot be begun", |wait| transactions.producer.init_transactions(wait))?;
        Ok(transactions)
    }

    /// Sends the records and the positions, and commits.
    pub(super) fn run(&self, names: &Names, outputs: &[Output<'_>], positions: Positions) -> Result<(), Failure> {
        self.producer
            .begin_transaction()
            .map_err(|error| Failure::Final(self.failed("a transaction cannot be begun", &error)))?;
        match self.attempt(names, outputs, positions) {
            Ok(()) => Ok(()),
            Err(Broken::Generation(error)) if self.abort() => Err(Failure::BetweenGenerations(error)),
            // No other call is taken while one has not returned.
            Err(Broken::Generation(error) | Broken::Hanging(error)) => Err(Failure::Final(error)),
            Err(Broken::Otherwise(error)) => {
                // Who wants to end leaves it to the broker, which ends it when its time is over.
                if !self.stop.is_set() {
                    self.abort();
                }
                Err(Failure::Final(error))
            }
        }
    }

    /// Whether the broker has ended the transaction as one that never was.
    fn abort(&self) -> bool {
        if self.producer.context().0.is_fatal() {
            return false;
        }
        let aborted = self.again("the transaction cannot be aborted", |wait| self.producer.abort_transaction(wait));
        if let Err(error) = &aborted {
            tracing::debug!(%error, "left to the broker, which aborts it when its time is over");
        }
        aborted.is_ok()
    }

    fn attempt(&self, names: &Names, outputs: &[Output<'_>], positions: Positions) -> Result<(), Broken> {
        let patience = self.stop.patience(self.limit);
        self.send_all(names, outputs, &patience)?;
        if let Some((list, member)) = positions {
            self.send_positions(list, member, &patience)?;
        }
        while self.producer.in_flight_count() > 0 {
            if patience.is_over() {
                let error = self.producer.context().0.timed_out("the outputs of a step were not acknowledged in time");
                return Err(error.into());
            }
            self.wait_a_moment();
        }
        Ok(self.again("the step cannot be committed", |wait| self.producer.commit_transaction(wait))?)
    }

    fn send_positions(
        &self,
        list: TopicPartitionList,
        member: ConsumerGroupMetadata,
        patience: &Patience<'_>,
    ) -> Result<(), Broken> {
        let what = "the positions cannot be committed";
        let (producer, limit) = (Arc::clone(&self.producer), self.limit);
        let send = move || producer.send_offsets_to_transaction(&list, &member, limit);
        let answer = hanging::call("kafka positions", patience, || self.serve(), send)
            .map_err(|error| BusError::Unavailable(format!("{what}: {error}")))?;
        match answer {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                // The log and the errors are served, so that a reason can be given.
                self.serve();
                let is_generation = error::is_between_generations(&error);
                let error = self.failed(what, &error);
                Err(if is_generation { Broken::Generation(error) } else { error.into() })
            }
            None => Err(Broken::Hanging(self.producer.context().0.timed_out(what))),
        }
    }

    /// Gives everything to librdkafka's queue. Records of one partition keep their order; between partitions there is none.
    fn send_all(&self, names: &Names, outputs: &[Output<'_>], patience: &Patience<'_>) -> Result<(), BusError> {
        let mut topics = BTreeMap::new();
        let mut waiting: BTreeMap<_, Messages<'_>> = BTreeMap::new();
        for &Output { target, key, value } in outputs {
            let messages = waiting.entry(target).or_default();
            messages.push(key, value);
            if messages.len() >= GIVEN {
                let topic = topics.entry(target.topic).or_insert_with(|| self.topic(names.topic(target.topic)));
                self.send(topic, target.partition, messages, patience)?;
            }
        }
        for (target, mut messages) in waiting {
            let topic = topics.entry(target.topic).or_insert_with(|| self.topic(names.topic(target.topic)));
            self.send(topic, target.partition, &mut messages, patience)?;
        }
        Ok(())
    }

    fn topic(&self, name: &str) -> Topic<'_, Context> {
        Topic::of(&self.producer, name).expect("a name that was found on the brokers is a topic's")
    }

    fn send(
        &self,
        topic: &Topic<'_, Context>,
        partition: u32,
        messages: &mut Messages<'_>,
        patience: &Patience<'_>,
    ) -> Result<(), BusError> {
        loop {
            match topic.give(partition as i32, messages) {
                Ok(()) => return Ok(()),
                Err(Code::QueueFull) if !patience.is_over() => self.wait_a_moment(),
                Err(code) => {
                    return Err(self.failed("an output cannot be sent", &KafkaError::MessageProduction(code)));
                }
            }
        }
    }

    /// Lets librdkafka's threads work. Its own wait spins below a millisecond, which took a third of a sessionizer's time.
    fn wait_a_moment(&self) {
        self.producer.poll(Duration::ZERO);
        std::thread::sleep(TICK);
    }

    /// Calls until it is done, fails, or takes too long.
    fn again(&self, what: &str, call: impl Fn(Duration) -> KafkaResult<()>) -> Result<(), BusError> {
        let patience = self.stop.patience(self.limit);
        loop {
            let Err(error) = call(SLICE) else { return Ok(()) };
            // The log and the errors are served, so that a reason can be given.
            self.producer.poll(Duration::ZERO);
            let may_pass = match &error {
                KafkaError::Transaction(error) => error.is_retriable(),
                KafkaError::Flush(code) => *code == Code::OperationTimedOut,
                _ => false,
            };
            if let Some((code, _)) = self.producer.context().0.last()
                && error::is_final(code)
            {
                return Err(self.producer.context().0.timed_out(what));
            }
            if !may_pass {
                return Err(self.failed(what, &error));
            }
            if patience.is_over() {
                return Err(self.producer.context().0.timed_out(what));
            }
        }
    }

    /// Serves the log, which would pile up else.
    pub(super) fn serve(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// A producer that failed for good says why in its log; the error of the call is often only that it has.
    fn failed(&self, what: &str, error: &KafkaError) -> BusError {
        let log = &self.producer.context().0;
        match (error::of(what, error), error::code(error)) {
            (BusError::Unavailable(_), Some(Code::Fatal)) => {
                let reason = log.last().map_or_else(|| error.to_string(), |(_, reason)| reason);
                BusError::Fenced(format!("{what}: {reason}"))
            }
            // It was good when the bus was opened: see `Log::of_an_open_bus`.
            (BusError::Refused(line), Some(code)) if error::is_login(code) => BusError::Unavailable(line),
            (other, _) => other,
        }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.0.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(&error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.error(error, &error.to_string());
        }
    }
}
