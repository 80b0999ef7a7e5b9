//! A step: with outputs a transaction, without any a plain commit of positions.

use std::sync::Arc;
use std::time::Duration;

use events::NextOffset;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::transaction::Failure;
use super::super::{error, hanging};
use super::{Member, Writer};
use crate::{BusError, Output, Source, Step};

/// How long until a step is made again that came between two generations of the group: doubled each time.
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

impl Member {
    pub(super) fn commit_step(&mut self, step: Step<'_>) -> Result<(), BusError> {
        let list = self.positions(&step)?;
        let limit = self.shared.options.limits.record;
        for Output { target, key, value } in step.outputs {
            self.shared.names.check_record(*target, *key, *value, limit)?;
        }
        if self.consumer.assignment_lost() {
            return self.fail(BusError::Fenced("the group went on without this member, which was away".to_owned()));
        }
        match (&self.writer, step.outputs.is_empty()) {
            (Writer::None, false) => {
                Err(BusError::Refused(format!("the group {} was joined as one that writes nothing", self.group.name)))
            }
            (Writer::None, true) => self.commit_positions(list),
            (Writer::Transactions(_), _) => self.commit_transaction(step.outputs, &list),
            (Writer::Plain(publisher), _) => {
                let written = publisher.write(step.outputs).and_then(|()| self.commit_positions(list));
                written.or_else(|error| self.fail(half_written(&error)))
            }
        }
    }

    /// The positions by topic. Those of sources that went elsewhere are no longer ours to commit.
    fn positions(&mut self, step: &Step<'_>) -> Result<TopicPartitionList, BusError> {
        let mut list = TopicPartitionList::with_capacity(step.positions.len());
        for (source, position) in step.positions {
            if !self.group.topics.contains(&source.topic) {
                return Err(BusError::Refused(format!("{source} is not read by the group {}", self.group.name)));
            }
            if !self.owns(*source) {
                return Err(BusError::Fenced(format!("{source} belongs to another member")));
            }
            self.add(&mut list, *source, *position)?;
        }
        Ok(list)
    }

    /// Adds a position, with the name of this member's transactions where it has any.
    pub(super) fn add(
        &self,
        list: &mut TopicPartitionList,
        source: Source,
        position: NextOffset,
    ) -> Result<(), BusError> {
        let mut element = list.add_partition(self.shared.names.topic(source.topic), source.partition as i32);
        element
            .set_offset(Offset::Offset(position.0))
            .map_err(|error| error::of("a position cannot be committed", &error))?;
        if let Some(signature) = &self.signature {
            element.set_metadata(signature);
        }
        Ok(())
    }

    fn owns(&mut self, source: Source) -> bool {
        self.sources.contains(source) || self.start(source).is_some()
    }

    /// Outputs and positions as one. After most failures nothing says what counts, so this member is done.
    ///
    /// Where the group was being put together anew, nothing of the step stands, and it is made again under the generation that
    /// the member hears of next. Nobody else can have committed these positions meanwhile: what is to go elsewhere goes when this
    /// member has said that it gave it up, which it says in a poll; and what was taken without asking is lost by then.
    fn commit_transaction(&mut self, outputs: &[Output<'_>], list: &TopicPartitionList) -> Result<(), BusError> {
        let Writer::Transactions(transactions) = &self.writer else { return Ok(()) };
        let options = &self.shared.options;
        let patience = options.stop.patience(options.limits.request.min(Duration::from_secs(10)));
        let mut wait = AGAIN.0;
        loop {
            let member = self.consumer.group_metadata();
            let positions = (list.count() > 0).then(|| list.clone()).zip(member);
            let run = self.sign(list).and_then(|()| transactions.run(&self.shared.names, outputs, positions));
            let failure = match run {
                Ok(()) => {
                    let signed = self.sources_of(list);
                    self.unsigned.retain(|source, _| !signed.contains(source));
                    return Ok(());
                }
                Err(failure) => failure,
            };
            match failure {
                Failure::BetweenGenerations(error) if !patience.is_over() && !self.consumer.assignment_lost() => {
                    tracing::debug!(%error, "partitions move; making the step again in {wait:?}");
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(AGAIN.1);
                }
                Failure::BetweenGenerations(error) | Failure::Final(error) => return self.fail(error),
            }
        }
    }

    /// Positions alone. librdkafka's call blocks for as long as a session lasts while the broker is away, and answers
    /// nothing at all if told not to block; so it gets a thread of its own, which is left behind when it takes too long.
    fn commit_positions(&mut self, list: TopicPartitionList) -> Result<(), BusError> {
        if list.count() == 0 {
            return Ok(());
        }
        match self.try_positions(list) {
            Err(Failure::Final(error @ BusError::Fenced(_))) => self.fail(error),
            other => Ok(other?),
        }
    }

    /// The call itself, which says whether the member is of use still.
    pub(super) fn try_positions(&self, list: TopicPartitionList) -> Result<(), Failure> {
        let what = "the positions cannot be committed";
        let options = &self.shared.options;
        let patience = options.stop.patience(options.limits.request.min(Duration::from_secs(10)));
        let consumer = Arc::clone(&self.consumer);
        let commit = move || consumer.commit(&list, CommitMode::Sync);
        let answer = hanging::call("kafka commit", &patience, || (), commit)
            .map_err(|error| Failure::Final(BusError::Unavailable(format!("{what}: {error}"))))?;
        match answer {
            // The group is being put together anew and this member is still one of it: the next step says where it is. One
            // with an instance name that ended here would come back without a rebalance, and what this one was about to move
            // to another member would belong to nobody.
            Some(Err(error)) if error::is_between_generations(&error) && !self.consumer.assignment_lost() => {
                Err(Failure::BetweenGenerations(BusError::Unavailable(format!("{what} while partitions move"))))
            }
            // A consumer that failed for good says why in its log.
            Some(Err(error)) if error::code(&error) == Some(Code::Fatal) => {
                let reason = self.consumer.context().log.last().map_or_else(|| error.to_string(), |(_, reason)| reason);
                Err(Failure::Final(BusError::Fenced(format!("{what}: {reason}"))))
            }
            Some(result) => result.map_err(|error| Failure::Final(error::of(what, &error))),
            None => Err(Failure::Final(self.consumer.context().log.timed_out(what))),
        }
    }
}

/// Who begins a replay's step again would write some of it twice.
fn half_written(error: &BusError) -> BusError {
    BusError::Refused(format!(
        "{error}; what this replay has written stops in the middle: replay it on topics without records"
    ))
}
