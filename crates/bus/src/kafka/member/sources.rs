//! The sources that belong to a member, each with its queue, served in turns.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use events::NextOffset;
use rdkafka::consumer::BaseConsumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::super::batch::{Batch, Room, native};
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
    queue: native::Queue<Context>,
    /// Keeps the queue apart from the consumer's, and says when it has something.
    _split: PartitionQueue<Context>,
    /// Behind the last record that was handed out, or where reading starts; `None`: at the log's start.
    reached: Option<NextOffset>,
    room: Room,
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
            let (topic, partition) = (names.topic(source.topic), source.partition as i32);
            let is_named = "a topic's name and a partition's number make a queue";
            let mut split = consumer.split_partition_queue(topic, partition).expect(is_named);
            let queue = native::Queue::of(consumer, topic, partition).expect(is_named);
            let signal = signal.clone();
            split.set_nonempty_callback(move || signal.set());
            let owned = Owned { queue, _split: split, reached: position, room: Room::default(), is_paused, next: None };
            self.owned.insert(source, owned);
        }
    }

    pub(super) fn close(&mut self, sources: &[Source]) {
        self.owned.retain(|source, _| !sources.contains(source));
    }

    pub(super) fn clear(&mut self) {
        self.owned.clear();
    }

    pub(super) fn all(&self) -> Vec<Source> {
        self.owned.keys().copied().collect()
    }

    pub(super) fn contains(&self, source: Source) -> bool {
        self.owned.contains_key(&source)
    }

    /// Behind the last record that was handed out, or where reading starts; `None`: at the log's start.
    pub(super) fn reached(&self, source: Source) -> Option<NextOffset> {
        self.owned.get(&source).and_then(|owned| owned.reached)
    }

    pub(super) fn moved(&mut self, source: Source, position: NextOffset) {
        if let Some(owned) = self.owned.get_mut(&source) {
            (owned.reached, owned.next) = (Some(position), None);
        }
    }

    /// It goes on behind what was handed out: what came after that comes again.
    pub(super) fn went_back(&mut self, source: Source) {
        if let Some(owned) = self.owned.get_mut(&source) {
            owned.next = None;
        }
    }

    pub(super) fn set_paused(&mut self, source: Source, is_paused: bool) -> Result<(), BusError> {
        let refused = || BusError::Refused(format!("{source} is not assigned to this member"));
        self.owned.get_mut(&source).ok_or_else(refused)?.is_paused = is_paused;
        Ok(())
    }

    pub(super) fn is_paused(&self, source: Source) -> bool {
        self.owned.get(&source).is_some_and(|owned| owned.is_paused)
    }

    /// Throws away what waits to be handed out.
    pub(super) fn empty(&mut self, source: Source) {
        if let Some(owned) = self.owned.get_mut(&source) {
            owned.next = None;
            while owned.queue.take(Duration::ZERO, |_| ControlFlow::Continue(())) > 0 {}
        }
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
        let mut batch = Batch::new(self.room);
        let next = &mut self.next;
        self.queue.take(Duration::ZERO, |message| {
            match message {
                Ok(message) => batch.push(message),
                Err(Code::PartitionEOF) => *next = Some(Taken::End),
                Err(code) => *next = Some(Taken::Failed(KafkaError::MessageConsumption(code))),
            }
            // What stands behind the records is told before what stands behind that.
            if next.is_some() || batch.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let Some(end) = batch.end() else { return self.next.take() };
        (self.reached, self.room) = (Some(end), batch.room());
        Some(Taken::Records(batch.into_records()))
    }
}
