//! Reads one partition outside any group.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::NextOffset;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::batch::{Batch, Room, native};
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
    consumer: Closing<Arc<BaseConsumer<Log>>>,
    /// The partition's own queue; `None` at the end of all.
    queue: Option<Queue>,
    names: Arc<Names>,
    watcher: Arc<Watcher>,
    source: Source,
    position: NextOffset,
    room: Room,
    /// librdkafka does not read any more: the position is not there.
    is_off: bool,
}

/// The partition's messages, apart from what else the consumer has to say.
struct Queue {
    messages: native::Queue<Log>,
    _split: PartitionQueue<Log>,
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
        let consumer: BaseConsumer<Log> =
            config.create_with_context(Log::new(options)).map_err(|error| client::bad_settings(&error))?;
        let consumer = Arc::new(consumer);
        // Apart from the consumer's own queue for good, however often the partition is assigned.
        let (topic, partition) = (names.topic(source.topic), source.partition as i32);
        let is_named = "a topic's name and a partition's number make a queue";
        let queue = Queue {
            _split: consumer.split_partition_queue(topic, partition).expect(is_named),
            messages: native::Queue::of(&consumer, topic, partition).expect(is_named),
        };
        let consumer = Closing::left_alone(consumer);
        let mut reader = Self {
            consumer,
            queue: Some(queue),
            names,
            watcher,
            source,
            position: from,
            room: Room::default(),
            is_off: false,
        };
        reader.start()?;
        Ok(reader)
    }

    /// Reads from the position on.
    fn start(&mut self) -> Result<(), BusError> {
        self.is_off = false;
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

    /// Serves the log, and hears what is wrong with the consumer as a whole.
    fn serve(&mut self) -> Result<(), BusError> {
        match self.consumer.poll(Duration::ZERO) {
            Some(Err(error)) => self.heard(&error),
            // Records come by the partition's queue.
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn heard(&mut self, error: &KafkaError) -> Result<(), BusError> {
        match error::code(error) {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.is_off = true,
            Some(code) if error::is_final(code) => {
                return Err(error::of(&format!("{} cannot be read", self.source), error));
            }
            // The end; or the broker is away, or another one leads now: librdkafka goes on by itself.
            _ => {}
        }
        Ok(())
    }

    /// Takes what is there, or comes within the time, until the batch is full. Whether there was anything, be it an error
    /// or a marker.
    fn take(&mut self, wait: Duration, batch: &mut Batch) -> Result<bool, BusError> {
        let Some(queue) = &self.queue else { return Ok(false) };
        let mut errors = Vec::new();
        let taken = queue.messages.take(wait, |message| {
            match message {
                Ok(message) => batch.push(message),
                Err(code) => errors.push(KafkaError::MessageConsumption(code)),
            }
            if batch.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        for error in errors {
            self.heard(&error)?;
        }
        Ok(taken > 0)
    }
}

impl Reader for PartitionReader {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        let deadline = Instant::now().checked_add(timeout);
        let left = || deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let mut batch = Batch::new(self.room);
        self.serve()?;
        while !batch.is_full() {
            if self.take(Duration::ZERO, &mut batch)? {
                continue;
            }
            if !batch.is_empty() || self.catch_up() || left().is_zero() {
                break;
            }
            if self.is_off {
                self.jump(left())?;
            }
            self.take(left().min(LONGEST_WAIT), &mut batch)?;
            self.serve()?;
        }
        match batch.end() {
            Some(end) => (self.position, self.room) = (end, batch.room()),
            None => drop(self.catch_up()),
        }
        Ok(batch.into_records())
    }

    fn position(&self) -> NextOffset {
        self.position
    }
}

impl Drop for PartitionReader {
    fn drop(&mut self) {
        // The queue holds the consumer, which is to be closed by a thread of its own.
        self.queue = None;
    }
}
