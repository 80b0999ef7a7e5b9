//! A member of a consumer group: one consumer, and one producer of transactions if its steps have outputs.
//!
//! Each partition has a queue of its own, so that records come in batches of one source, the end of a partition says whose it
//! is, and a paused source is one whose queue is not looked at: it fills up to its bound, and nothing is fetched twice.
//!
//! What librdkafka says about the group is noted by `group` and told by the next poll. The group waits for the answer, which
//! the poll after that gives: so a source is assigned once the caller has said where it starts, and it is taken away once the
//! caller has committed what it has. Heartbeats go on meanwhile, in librdkafka's threads; `max.poll.interval.ms` is the
//! longest that a caller may be away, restoring for instance.

mod commit;
mod sources;

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::NextOffset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use uuid::Uuid;

use super::Shared;
use super::closing::Closing;
use super::group::{Change, Context};
use super::options::Stamps;
use super::publisher::Publisher;
use super::transaction::Transactions;
use super::{client, error};
use crate::{Assignment, BusError, Group, Polled, Source, Step, Worker};
use sources::{Sources, Start, Taken};

/// How long a caller may stay away between two polls. A restore of millions of sessions takes a minute.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(600);

/// Longer than two heartbeats are apart: by then a member knows that another one has joined under its name.
const HEARD_OF_A_NAMESAKE: Duration = Duration::from_secs(7);

/// The longest sleep: log lines of librdkafka can hide what stands behind them in a queue.
const SLICE: Duration = Duration::from_millis(100);

pub(super) struct Member {
    shared: Arc<Shared>,
    group: Group,
    sources: Sources,
    consumer: Closing<Arc<BaseConsumer<Context>>>,
    writer: Writer,
    answer: Option<Answer>,
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

/// What the next poll tells the group.
enum Answer {
    /// Takes these from where they shall start.
    Take(Vec<Start>),
    /// Gives these back.
    Leave(Vec<Source>),
}

impl Member {
    pub(super) fn join(shared: Arc<Shared>, group: Group) -> Result<Self, BusError> {
        let name = shared.names.named(&group.name);
        // First of all: an older namesake is fenced, and what it left open is ended.
        let options = &shared.options;
        let writer = match (group.produces, options.stamps, &group.instance) {
            (false, _, _) => Writer::None,
            (true, Stamps::Record, _) => {
                Writer::Plain(Publisher::new(options.clone(), shared.names.clone(), shared.pulse.clone())?)
            }
            (true, Stamps::Broker, Some(instance)) => {
                Writer::Transactions(Transactions::new(options, &format!("{name}.{instance}"))?)
            }
            // Nobody takes this one's place by name; the group's generation fences it (KIP-447).
            (true, Stamps::Broker, None) => {
                Writer::Transactions(Transactions::new(options, &format!("{name}.{}", Uuid::new_v4()))?)
            }
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
        let topics: Vec<_> = group.topics.iter().map(|topic| shared.names.topic(*topic)).collect();
        consumer.subscribe(&topics).map_err(|error| error::of("the group cannot be joined", &error))?;
        let consumer = Closing::awaited(Arc::new(consumer), &options.stop);
        Ok(Self { shared, group, sources: Sources::default(), consumer, writer, answer: None, failed: None })
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
            let fatal = self.consumer.client().fatal_error();
            if fatal.is_some_and(|(code, _)| code == Code::FencedInstanceId) {
                return BusError::Namesake { instance: instance.clone(), detail: detail.clone() };
            }
            if begun.elapsed() >= HEARD_OF_A_NAMESAKE || self.shared.options.stop.is_set() {
                return error;
            }
            std::thread::sleep(Duration::from_millis(20));
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
        if error::is_final(code) {
            let error = error::of(&format!("group {}", self.group.name), error);
            return self.fail(error);
        }
        // A broker that is away comes back, and one that no longer leads names its successor.
        Ok(())
    }

    /// Tells the group what the caller has done about what it was told.
    fn answer(&mut self) -> Result<(), BusError> {
        let answered = match self.answer.take() {
            None => return Ok(()),
            Some(Answer::Take(starts)) => self.take(&starts),
            Some(Answer::Leave(sources)) => {
                self.sources.close(&sources);
                self.consumer.incremental_unassign(&self.list(&sources))
            }
        };
        match answered {
            Ok(()) => Ok(()),
            Err(error) => self.fail(error::of("the group's assignment cannot be followed", &error)),
        }
    }

    fn take(&mut self, starts: &[Start]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for Start { source, position, .. } in starts {
            let offset = position.map_or(Offset::Beginning, |position| Offset::Offset(position.0));
            list.add_partition_offset(self.shared.names.topic(source.topic), source.partition as i32, offset)?;
        }
        // The queues come first: what is fetched before would come by another way.
        let signal = self.consumer.context().signal.clone();
        self.sources.open(&self.consumer, &self.shared.names, starts, &signal);
        self.consumer.incremental_assign(&list)
    }

    /// What the group has to say.
    fn next_change(&mut self) -> Result<Option<Polled>, BusError> {
        loop {
            let change = self.consumer.context().next_change();
            match change {
                None => return Ok(None),
                Some(Change::Assign(list)) => {
                    let sources = self.sources_of(&list);
                    let assigned = self.committed(&sources)?;
                    let start =
                        |new: &Assignment| Start { source: new.source, position: new.committed, is_paused: false };
                    self.answer = Some(Answer::Take(assigned.iter().map(start).collect()));
                    if !assigned.is_empty() {
                        return Ok(Some(Polled::Assigned(assigned)));
                    }
                }
                Some(Change::Revoke(list)) => {
                    let sources = self.sources_of(&list);
                    self.answer = Some(Answer::Leave(sources.clone()));
                    if !sources.is_empty() {
                        return Ok(Some(Polled::Revoked(sources)));
                    }
                }
            }
            self.answer()?;
        }
    }

    /// What the group committed. Waits for a transaction that is still open, since it may be about these very positions.
    fn committed(&mut self, sources: &[Source]) -> Result<Vec<Assignment>, BusError> {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let shared = self.shared.clone();
        let patience = shared.options.stop.patience(shared.options.limits.request);
        loop {
            match self.consumer.committed_offsets(self.list(sources), Duration::from_secs(1)) {
                Ok(list) => {
                    let committed = |source: &Source| {
                        let found =
                            list.find_partition(self.shared.names.topic(source.topic), source.partition as i32)?;
                        if let Offset::Offset(offset) = found.offset() { Some(NextOffset(offset)) } else { None }
                    };
                    let assigned = sources.iter().map(|&source| Assignment { source, committed: committed(&source) });
                    return Ok(assigned.collect());
                }
                Err(error) if error::code(&error).is_some_and(error::is_final) || patience.is_over() => {
                    return self.fail(error::of("the group's positions cannot be read", &error));
                }
                // The coordinator moves, or is busy with a transaction.
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Records, or the end, of any source, in turns.
    fn next_records(&mut self) -> Result<Option<Polled>, BusError> {
        match self.sources.take() {
            None => Ok(None),
            Some((source, Taken::Records(records))) => Ok(Some(Polled::Records { source, records })),
            Some((source, Taken::End)) => {
                let position = self.position(source);
                Ok(Some(Polled::End { source, position }))
            }
            Some((source, Taken::Failed(error))) => match error::code(&error) {
                Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.jump(source).map(|()| None),
                _ => self.heard(&error).map(|()| None),
            },
        }
    }

    /// The position that librdkafka has come to, transaction markers included, which it hands nobody.
    fn position(&self, source: Source) -> NextOffset {
        let reached = self.sources.reached(source);
        let Ok(list) = self.consumer.position() else { return reached };
        let found = list.find_partition(self.shared.names.topic(source.topic), source.partition as i32);
        match found.map(|found| found.offset()) {
            Some(Offset::Offset(offset)) => reached.max(NextOffset(offset)),
            _ => reached,
        }
    }

    /// The position is not there. Where retention has passed it, reading goes on at the log's start; the caller sees the
    /// gap in the offsets.
    fn jump(&mut self, source: Source) -> Result<(), BusError> {
        let bounds = self.shared.watcher.bounds(self.shared.names.topic(source.topic), source.partition)?;
        let position = self.sources.reached(source);
        if position >= bounds.start {
            let detail = format!("{source} ends at {} and was to be read from {position}", bounds.end);
            return self.fail(BusError::Unavailable(detail));
        }
        tracing::warn!(%source, %position, start = %bounds.start, "records were removed before they were read");
        // librdkafka has given the source up, and cannot seek in it: it is taken anew.
        self.sources.close(&[source]);
        let start = Start { source, position: Some(bounds.start), is_paused: false };
        let left = self.consumer.incremental_unassign(&self.list(&[source]));
        match left.and_then(|()| self.take(&[start])) {
            Ok(()) => Ok(()),
            Err(error) => self.fail(error::of(&format!("{source} cannot be read from {}", bounds.start), &error)),
        }
    }

    fn sources_of(&self, list: &TopicPartitionList) -> Vec<Source> {
        let mut sources: Vec<_> = list
            .elements()
            .iter()
            .filter_map(|element| self.shared.names.source(element.topic(), element.partition()))
            .collect();
        sources.sort_unstable();
        sources
    }

    fn list(&self, sources: &[Source]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(sources.len());
        for source in sources {
            list.add_partition(self.shared.names.topic(source.topic), source.partition as i32);
        }
        list
    }
}

impl Member {
    /// A source that the group gave us and that was not polled since.
    fn start(&mut self, source: Source) -> Option<&mut Start> {
        let Some(Answer::Take(starts)) = &mut self.answer else { return None };
        starts.iter_mut().find(|start| start.source == source)
    }

    fn set_paused(&mut self, source: Source, is_paused: bool) -> Result<(), BusError> {
        match self.start(source) {
            Some(start) => start.is_paused = is_paused,
            None => self.sources.set_paused(source, is_paused)?,
        }
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
        if let Some(start) = self.start(source) {
            start.position = Some(position);
            return Ok(());
        }
        if !self.sources.contains(source) {
            return Err(BusError::Refused(format!("{source} is not assigned to this member")));
        }
        let topic = self.shared.names.topic(source.topic);
        let deadline = Instant::now() + Duration::from_secs(5);
        // Just after the assignment the source is not being read yet, and cannot be sought in.
        while let Err(error) =
            self.consumer.seek(topic, source.partition as i32, Offset::Offset(position.0), Duration::from_secs(1))
        {
            if Instant::now() >= deadline {
                return self.fail(error::of(&format!("{source} cannot be read from {position}"), &error));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.sources.moved(source, position);
        Ok(())
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
