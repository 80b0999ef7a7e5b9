//! Publishing: one idempotent producer for the whole process, and one countdown for each call.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use events::Timestamp;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{self, BoxFuture};
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::client::{self, Log};
use super::closing::Closing;
use super::error;
use super::names::Names;
use super::options::{Options, Stamps};
use super::pulse::Pulse;
use super::silence::Silence;
use crate::partitioner::partition_of;
use crate::{BusError, Outgoing, Output, Source};

/// What a record takes in memory beside its key and value.
const RECORD_OVERHEAD: usize = 256;

pub(super) struct Publisher {
    options: Arc<Options>,
    names: Arc<Names>,
    pulse: Arc<Pulse>,
    /// Replaced when it has failed for good, or hears nothing while the brokers answer others.
    producer: RwLock<Arc<Sender>>,
    replaced: AtomicU64,
    waiting: Arc<AtomicUsize>,
    round_robin: AtomicU32,
}

type Sender = ThreadedProducer<Context>;

/// Comes when all records of a call are acknowledged, or the last of them has failed.
type Answer = oneshot::Receiver<Result<(), BusError>>;

/// One record as it goes out, in its place.
struct Message<'a> {
    source: Source,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    time: Option<i64>,
}

/// The producer's side of it: counts acknowledgements down.
struct Context {
    log: Log,
    silence: Silence,
    waiting: Arc<AtomicUsize>,
}

/// One call of publish, shared by its records.
struct Call {
    /// Records that are not acknowledged yet, and one for the call itself while it is sending.
    left: AtomicUsize,
    failed: Mutex<Option<BusError>>,
    answer: Mutex<Option<oneshot::Sender<Result<(), BusError>>>>,
}

impl Publisher {
    pub(super) fn new(options: Arc<Options>, names: Arc<Names>, pulse: Arc<Pulse>) -> Result<Self, BusError> {
        let waiting = Arc::new(AtomicUsize::new(0));
        let silence = Silence::new(options.limits.publish, Instant::now());
        let producer = RwLock::new(Arc::new(sender(&options, silence, &waiting)?));
        let (replaced, round_robin) = (AtomicU64::new(0), AtomicU32::new(0));
        Ok(Self { options, names, pulse, producer, replaced, waiting, round_robin })
    }

    /// How many producers were replaced so far.
    pub(super) fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// Bytes of records that wait to be acknowledged.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn publish(&self, records: &[Outgoing]) -> BoxFuture<'static, Result<(), BusError>> {
        match self.place(records).and_then(|messages| self.send(&messages)) {
            Ok(answer) => answer.map(|answer| answer.unwrap_or_else(|_| Err(closed()))).boxed(),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }

    /// Writes a step's outputs, and returns when they stand: at the latest when their time is over.
    pub(super) fn write(&self, outputs: &[Output<'_>]) -> Result<(), BusError> {
        let messages: Vec<_> = outputs
            .iter()
            .map(|&Output { target: source, key, value }| Message { source, key, value, time: None })
            .collect();
        block_on(self.send(&messages)?).unwrap_or_else(|_| Err(closed()))
    }

    fn send(&self, messages: &[Message<'_>]) -> Result<Answer, BusError> {
        // All or nothing is taken in, so that what is refused for want of room leaves no half of a call behind.
        let size: usize = messages.iter().map(|message| size_of(message.key, message.value)).sum();
        let is_room = |waiting| (waiting == 0 || waiting + size <= self.options.limits.queue).then_some(waiting + size);
        if self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, is_room).is_err() {
            return Err(BusError::Unavailable("the records that wait for Kafka fill the queue".to_owned()));
        }
        let now = Instant::now();
        let producer = match self.producer(now) {
            Ok(producer) => producer,
            Err(error) => {
                self.waiting.fetch_sub(size, Ordering::AcqRel);
                return Err(error);
            }
        };
        producer.context().silence.sent(now);
        let (sender, receiver) = oneshot::channel();
        let call = Arc::new(Call {
            left: AtomicUsize::new(messages.len() + 1),
            failed: Mutex::new(None),
            answer: Mutex::new(Some(sender)),
        });
        for &Message { source, key, value, time } in messages {
            let topic = self.names.topic(source.topic);
            let mut record: BaseRecord<'_, [u8], [u8], _> =
                BaseRecord::with_opaque_to(topic, call.clone()).partition(source.partition as i32);
            (record.key, record.payload, record.timestamp) = (key, value, time);
            if let Err((error, record)) = producer.send(record) {
                self.waiting.fetch_sub(size_of(record.key, record.payload), Ordering::AcqRel);
                call.count_down(Some(error::of("a record cannot be queued", &error)));
            }
        }
        call.count_down(None);
        Ok(receiver)
    }

    /// The partition of each record, once all of them were looked at.
    fn place<'a>(&self, records: &'a [Outgoing]) -> Result<Vec<Message<'a>>, BusError> {
        let partitions = self.names.partitions();
        let place = |record: &'a Outgoing| {
            let partition = match (record.partition, &record.key) {
                (Some(partition), _) => partition,
                (None, Some(key)) => partition_of(key, partitions),
                (None, None) => self.round_robin.fetch_add(1, Ordering::Relaxed) % partitions,
            };
            let source = Source { topic: record.topic, partition };
            let (key, value) = (record.key.as_deref(), Some(&record.value[..]));
            self.names.check_record(source, key, value, self.options.limits.record)?;
            if record.append_time.is_some() && self.options.stamps == Stamps::Broker {
                return Err(BusError::Refused("these topics take the broker's append times alone".to_owned()));
            }
            Ok(Message { source, key, value, time: record.append_time.map(Timestamp::as_millis) })
        };
        records.iter().map(place).collect()
    }

    /// The producer; a new one if the old one is of no use any more. What the old one holds is answered as failed.
    fn producer(&self, now: Instant) -> Result<Arc<Sender>, BusError> {
        let current = self.producer.read().expect("nobody panics while holding the producer").clone();
        if self.why_spent(current.context(), now).is_none() {
            return Ok(current);
        }
        let mut place = self.producer.write().expect("nobody panics while holding the producer");
        // Somebody else may have been here first.
        if let Some(why) = self.why_spent(place.context(), now) {
            tracing::warn!("Kafka's producer {why}; making a new one");
            let silence = place.context().silence.next(self.options.limits.publish, now);
            let new = Arc::new(sender(&self.options, silence, &self.waiting)?);
            // One that hangs may hang in its end, too.
            drop(Closing::left_alone(std::mem::replace(&mut *place, new)));
            self.replaced.fetch_add(1, Ordering::Relaxed);
        }
        Ok(place.clone())
    }

    /// Why a producer is of no use any more; `None` if it is.
    fn why_spent(&self, context: &Context, now: Instant) -> Option<String> {
        if context.log.is_fatal() {
            let reason = context.log.last().map_or_else(String::new, |(_, reason)| format!(": {reason}"));
            return Some(format!("failed for good{reason}"));
        }
        let silent = context.silence.is_too_long(now, || self.pulse.answers_for(now))?;
        Some(format!("got no acknowledgement for {} s, while the broker answers others", silent.as_secs()))
    }
}

fn sender(options: &Options, silence: Silence, waiting: &Arc<AtomicUsize>) -> Result<Sender, BusError> {
    let mut config = client::producer(options);
    config
        // The bound is our own count, which refuses whole calls; librdkafka's lie behind it.
        .set("queue.buffering.max.kbytes", (2 * options.limits.queue / 1024).max(1024).to_string())
        .set("queue.buffering.max.messages", (2 * options.limits.queue / RECORD_OVERHEAD).max(1024).to_string())
        .set("message.timeout.ms", options.limits.publish.as_millis().to_string());
    let context = Context { log: Log::new(options), silence, waiting: waiting.clone() };
    config.create_with_context(context).map_err(|error| client::bad_settings(&error))
}

fn closed() -> BusError {
    BusError::Unavailable("the producer was closed".to_owned())
}

fn size_of(key: Option<&[u8]>, value: Option<&[u8]>) -> usize {
    key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + RECORD_OVERHEAD
}

impl Call {
    fn count_down(&self, error: Option<BusError>) {
        if let Some(error) = error {
            self.failed.lock().expect("nobody panics while holding an error").get_or_insert(error);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let failed = self.failed.lock().expect("nobody panics while holding an error").take();
        if let Some(answer) = self.answer.lock().expect("nobody panics while holding an answer").take() {
            // Whoever dropped the future does not want to know.
            drop(answer.send(failed.map_or(Ok(()), Err)));
        }
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.log.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Call>;

    fn delivery(&self, result: &DeliveryResult<'_>, call: Arc<Call>) {
        let (message, error) = match result {
            Ok(message) => (message, None),
            Err((error, message)) => (message, Some(self.failed(error))),
        };
        if !result.as_ref().is_err_and(|(error, _)| is_unheard(error)) {
            self.silence.heard();
        }
        let size = message.key_len() + message.payload_len() + RECORD_OVERHEAD;
        self.waiting.fetch_sub(size, Ordering::AcqRel);
        call.count_down(error);
    }
}

/// Whether a record failed without a word from the broker.
fn is_unheard(error: &KafkaError) -> bool {
    let unheard = [Code::MessageTimedOut, Code::PurgeInflight, Code::PurgeQueue];
    error.rdkafka_error_code().is_some_and(|code| unheard.contains(&code))
}

impl Context {
    fn failed(&self, error: &KafkaError) -> BusError {
        match error.rdkafka_error_code() {
            Some(Code::MessageTimedOut) => match self.log.timed_out("a record was not acknowledged in time") {
                // Who publishes may try again, whatever the reason is.
                BusError::Refused(reason) => BusError::Unavailable(reason),
                other => other,
            },
            _ => error::of("a record was not taken", error),
        }
    }
}
