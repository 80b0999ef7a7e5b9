//! The sources that belong to a member, each with its queue, served in turns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use events::NextOffset;
use rdkafka::consumer::BaseConsumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::KafkaError;

use super::super::batch::Batch;
use super::super::group::{Context, Signal};
use super::super::names::Names;
use crate::{BusError, Record, Source};

#[derive(Default)]
pub(super) struct Sources {
    owned: BTreeMap<Source, Owned>,
    /// The source that was served last: the others have their turn first.
    served: Option<Source>,
}

struct Owned {
    queue: PartitionQueue<Context>,
    /// Behind the last record that was handed out, or where reading starts.
    reached: NextOffset,
    is_paused: bool,
    /// What came behind the records that were handed out last.
    next: Option<Taken>,
}

/// Where a source starts that was assigned a moment ago.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) source: Source,
    /// `None`: at the log's start.
    pub(super) position: Option<NextOffset>,
    pub(super) is_paused: bool,
}

/// What a queue had.
pub(super) enum Taken {
    Records(Vec<Record>),
    End,
    Failed(KafkaError),
}

impl Sources {
    /// Gives each source a queue of its own. Before they are assigned: then nothing comes by the consumer's common queue.
    pub(super) fn open(
        &mut self,
        consumer: &Arc<BaseConsumer<Context>>,
        names: &Names,
        starts: &[Start],
        signal: &Arc<Signal>,
    ) {
        for &Start { source, position, is_paused } in starts {
            let queue = consumer.split_partition_queue(names.topic(source.topic), source.partition as i32);
            let mut queue = queue.expect("a topic's name and a partition's number make a queue");
            let signal = signal.clone();
            queue.set_nonempty_callback(move || signal.set());
            let reached = position.unwrap_or(NextOffset::START);
            self.owned.insert(source, Owned { queue, reached, is_paused, next: None });
        }
    }

    pub(super) fn close(&mut self, sources: &[Source]) {
        self.owned.retain(|source, _| !sources.contains(source));
    }

    pub(super) fn clear(&mut self) {
        self.owned.clear();
    }

    pub(super) fn contains(&self, source: Source) -> bool {
        self.owned.contains_key(&source)
    }

    pub(super) fn reached(&self, source: Source) -> NextOffset {
        self.owned.get(&source).map_or(NextOffset::START, |owned| owned.reached)
    }

    pub(super) fn moved(&mut self, source: Source, position: NextOffset) {
        if let Some(owned) = self.owned.get_mut(&source) {
            (owned.reached, owned.next) = (position, None);
        }
    }

    pub(super) fn set_paused(&mut self, source: Source, is_paused: bool) -> Result<(), BusError> {
        let refused = || BusError::Refused(format!("{source} is not assigned to this member"));
        self.owned.get_mut(&source).ok_or_else(refused)?.is_paused = is_paused;
        Ok(())
    }

    /// The first that any source has, beginning behind the one that was served last.
    pub(super) fn take(&mut self) -> Option<(Source, Taken)> {
        let served = self.served;
        let (before, after): (Vec<_>, Vec<_>) =
            self.owned.iter_mut().partition(|(source, _)| served.is_some_and(|served| **source <= served));
        for (&source, owned) in after.into_iter().chain(before) {
            if owned.is_paused {
                continue;
            }
            if let Some(taken) = owned.take() {
                self.served = Some(source);
                return Some((source, taken));
            }
        }
        None
    }
}

impl Owned {
    fn take(&mut self) -> Option<Taken> {
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        let mut batch = Batch::default();
        while !batch.is_full() {
            match self.queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => batch.push(&message),
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.next = Some(Taken::End);
                    break;
                }
                Some(Err(error)) => {
                    self.next = Some(Taken::Failed(error));
                    break;
                }
            }
        }
        let Some(end) = batch.end() else { return self.next.take() };
        self.reached = end;
        Some(Taken::Records(batch.into_records()))
    }
}
