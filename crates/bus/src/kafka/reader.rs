//! Reads one partition outside any group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::NextOffset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::batch::Batch;
use super::client::{self, Log};
use super::closing::Closing;
use super::error;
use super::names::Names;
use super::options::Options;
use super::watcher::Watcher;
use crate::{BusError, Reader, Record, Source};

/// How long it sleeps at most before it looks whether the position moved.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long a position beyond the end waits before it is tried again.
const BEYOND_END: Duration = Duration::from_millis(100);

pub(super) struct PartitionReader {
    consumer: Closing<BaseConsumer<Log>>,
    names: Arc<Names>,
    watcher: Arc<Watcher>,
    source: Source,
    position: NextOffset,
}

impl PartitionReader {
    pub(super) fn new(
        options: &Options,
        names: Arc<Names>,
        watcher: Arc<Watcher>,
        source: Source,
        from: NextOffset,
    ) -> Result<Self, BusError> {
        names.check(source)?;
        let mut config = client::consumer(options);
        // Assigning partitions by hand needs a group's name, though nobody joins it.
        config.set("group.id", names.named("reader"));
        let consumer = config.create_with_context(Log::new(options)).map_err(|error| client::bad_settings(&error))?;
        let reader = Self { consumer: Closing::left_alone(consumer), names, watcher, source, position: from };
        reader.start()?;
        Ok(reader)
    }

    /// Reads from the position on.
    fn start(&self) -> Result<(), BusError> {
        let mut list = TopicPartitionList::with_capacity(1);
        let topic = self.names.topic(self.source.topic);
        let what = || format!("{} cannot be read", self.source);
        list.add_partition_offset(topic, self.source.partition as i32, Offset::Offset(self.position.0))
            .and_then(|()| self.consumer.assign(&list))
            .map_err(|error| error::of(&what(), &error))
    }

    /// Moves over what holds no record. librdkafka counts transaction markers as passed once they are taken from its queue,
    /// though it hands none of them out; the end of an aborted transaction is such a marker, too. The offset in its
    /// "end of partition" would not do: that is the last stable one.
    fn catch_up(&mut self) -> bool {
        let Ok(list) = self.consumer.position() else { return false };
        let found = list.find_partition(self.names.topic(self.source.topic), self.source.partition as i32);
        let Some(Offset::Offset(offset)) = found.map(|found| found.offset()) else { return false };
        let has_moved = offset > self.position.0;
        self.position = self.position.max(NextOffset(offset));
        has_moved
    }

    /// The position is not there: retention has passed it, or it lies beyond the end.
    fn jump(&mut self, left: Duration) -> Result<(), BusError> {
        let bounds = self.watcher.bounds(self.names.topic(self.source.topic), self.source.partition)?;
        if self.position < bounds.start {
            self.position = bounds.start;
        } else {
            std::thread::sleep(left.min(BEYOND_END));
        }
        self.start()
    }
}

impl Reader for PartitionReader {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        let deadline = Instant::now().checked_add(timeout);
        let left = || deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let mut batch = Batch::default();
        let mut has_looked = false;
        while !batch.is_full() {
            // Before it waits: markers in the queue are passed by looking, and nobody is woken for them.
            let wait = if batch.is_empty() && has_looked { left().min(LONGEST_WAIT) } else { Duration::ZERO };
            has_looked = true;
            let polled = self.consumer.poll(wait).map(|polled| polled.map(|message| batch.push(&message)));
            match polled {
                Some(Ok(())) => {}
                None if !batch.is_empty() || self.catch_up() || left().is_zero() => break,
                None => {}
                Some(Err(KafkaError::PartitionEOF(_))) if !batch.is_empty() || self.catch_up() => break,
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => match error::code(&error) {
                    Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) if batch.is_empty() => self.jump(left())?,
                    Some(code) if error::is_final(code) => {
                        return Err(error::of(&format!("{} cannot be read", self.source), &error));
                    }
                    // The broker is away, or another one leads now: librdkafka goes on by itself.
                    _ => {}
                },
            }
        }
        match batch.end() {
            Some(end) => self.position = end,
            None => drop(self.catch_up()),
        }
        Ok(batch.into_records())
    }

    fn position(&self) -> NextOffset {
        self.position
    }
}
