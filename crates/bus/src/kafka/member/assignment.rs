//! What the group gives and takes, and what it is told about that.

use std::time::Duration;

use events::NextOffset;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::error;
use super::super::group::Change;
use super::sources::Start;
use super::{Member, SEEKING, predecessor};
use crate::{Assignment, BusError, Polled, Source};

/// What the next poll tells the group.
pub(super) enum Answer {
    /// Takes these from where they shall start.
    Take(Vec<Start>),
    /// Gives these back.
    Leave(Vec<Source>),
}

impl Member {
    /// Tells the group what the caller has done about what it was told.
    pub(super) fn answer(&mut self) -> Result<(), BusError> {
        let Some(answer) = self.answer.take() else { return Ok(()) };
        if let Answer::Leave(sources) = &answer {
            self.sources.close(sources);
        }
        let kept = self.sources.all();
        let answered = match answer {
            Answer::Take(starts) => self.take(&starts),
            Answer::Leave(sources) => self.consumer.incremental_unassign(&self.list(&sources)),
        };
        match answered {
            Ok(()) => self.go_on_where_it_was(&kept),
            Err(error) => self.fail(error::of("the group's assignment cannot be followed", &error)),
        }
    }

    /// librdkafka pauses every source while partitions move, and then goes on where it believes that the caller was. It takes
    /// that from the markers of transactions too, even from those that a seek or a pause has made stale (`rd_kafka_op_handle_std`
    /// does not ask for their version, and passes over the records before them, which are dropped): records would be skipped in
    /// silence. So each source that stays is told where it was.
    fn go_on_where_it_was(&mut self, kept: &[Source]) -> Result<(), BusError> {
        // What was lost is told by the next poll, and is not to be read.
        if kept.is_empty() || self.consumer.assignment_lost() {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(kept.len());
        for &source in kept {
            let offset = offset_of(self.sources.reached(source));
            let added =
                list.add_partition_offset(self.shared.names.topic(source.topic), source.partition as i32, offset);
            added.expect("an offset that was read, or the beginning, can be sought");
        }
        // All of them in one call: who has many partitions would wait for each.
        let sought = self.consumer.seek_partitions(list, SEEKING).ok();
        let went_there = |source: &Source| {
            let (topic, partition) = (self.shared.names.topic(source.topic), source.partition as i32);
            let found = sought.as_ref().and_then(|sought| sought.find_partition(topic, partition));
            found.is_some_and(|found| found.error().is_ok())
        };
        let (there, elsewhere): (Vec<_>, Vec<_>) = kept.iter().copied().partition(went_there);
        there.into_iter().for_each(|source| self.sources.went_back(source));
        // One that is not read yet, or was given up because its position is not there, cannot be sought in.
        elsewhere.into_iter().try_for_each(|source| self.take_anew(source, self.sources.reached(source)))
    }

    pub(super) fn take(&mut self, starts: &[Start]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for Start { source, position, .. } in starts {
            let topic = self.shared.names.topic(source.topic);
            list.add_partition_offset(topic, source.partition as i32, offset_of(*position))?;
        }
        // The queues come first: what is fetched before would come by another way.
        let signal = self.consumer.context().signal.clone();
        self.sources.open(&self.consumer, &self.shared.names, starts, &signal);
        self.consumer.incremental_assign(&list)
    }

    /// What the group has to say.
    pub(super) fn next_change(&mut self) -> Result<Option<Polled>, BusError> {
        loop {
            let change = self.consumer.context().next_change();
            match change {
                None => return Ok(None),
                Some(Change::Assign(list)) => {
                    self.joined();
                    self.check_given(&list)?;
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

    /// Somebody has added partitions to a topic: who joined anew would be given them again, and so on for ever.
    fn check_given(&mut self, list: &TopicPartitionList) -> Result<(), BusError> {
        let names = &self.shared.names;
        let given = list.elements();
        match given.iter().try_for_each(|element| names.check_given(element.topic(), element.partition())) {
            Ok(()) => Ok(()),
            Err(error) => {
                // The group still waits for an answer, which the end gives.
                self.answer = Some(Answer::Take(Vec::new()));
                self.fail(error)
            }
        }
    }

    /// What the group committed. Waits for a transaction that is still open, since it may be about these very positions.
    fn committed(&mut self, sources: &[Source]) -> Result<Vec<Assignment>, BusError> {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let shared = self.shared.clone();
        let (stop, what) = (&shared.options.stop, "the group's positions cannot be read");
        let patience = stop.patience(shared.options.limits.hidden);
        let assigned: Vec<Assignment> = loop {
            match predecessor::ask(&self.consumer, &shared.names, self.list(sources)) {
                Ok(committed) => break committed.into_iter().map(Assignment::from).collect(),
                Err(error) if error::code(&error).is_some_and(error::is_final) => {
                    return self.fail(error::of(what, &error));
                }
                // The coordinator moves, or is busy with a transaction.
                Err(_) if !patience.is_over() => std::thread::sleep(Duration::from_millis(20)),
                Err(error) if stop.is_set() => return self.fail(error::of(what, &error)),
                Err(error) => match self.behind_a_predecessor(sources, error::of(what, &error)) {
                    Ok(assigned) => break assigned,
                    Err(error) => return self.fail(error),
                },
            }
        };
        self.note_unsigned(&assigned);
        Ok(assigned)
    }

    /// A source that the group gave us and that was not polled since.
    pub(super) fn start(&mut self, source: Source) -> Option<&mut Start> {
        let Some(Answer::Take(starts)) = &mut self.answer else { return None };
        starts.iter_mut().find(|start| start.source == source)
    }

    pub(super) fn sources_of(&self, list: &TopicPartitionList) -> Vec<Source> {
        let mut sources: Vec<_> = list
            .elements()
            .iter()
            .filter_map(|element| self.shared.names.source(element.topic(), element.partition()))
            .collect();
        sources.sort_unstable();
        sources
    }

    pub(super) fn list(&self, sources: &[Source]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(sources.len());
        for source in sources {
            list.add_partition(self.shared.names.topic(source.topic), source.partition as i32);
        }
        list
    }
}

/// Where librdkafka begins to read. Without a position that is wherever the log begins, which need not be at 0.
fn offset_of(position: Option<NextOffset>) -> Offset {
    position.map_or(Offset::Beginning, |position| Offset::Offset(position.0))
}
