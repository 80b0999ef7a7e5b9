//! The input onto the bus: in batches cut by size alone, so that two runs are the same to the byte.

use bus::{BusError, Outgoing, SharedBus};
use bytes::Bytes;
use events::{Control, Span, Timestamp, Topic};
use futures::future::BoxFuture;
use tokio::runtime::Handle;

use super::input::{InputError, Item, LineRecord};

/// A batch is published once it holds this many records,
const BATCH_RECORDS: usize = 4096;
/// or this many bytes of keys and values.
const BATCH_BYTES: usize = 1 << 20;
/// The most rejections that are shown to people.
const SHOWN: usize = 5;

/// What was read, and how far it was out of order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Read {
    /// Lines that became hits.
    pub accepted: u64,
    /// Lines that were rejected.
    pub rejected: u64,
    /// The first rejections, as the records say them.
    pub shown: Vec<Bytes>,
    /// Hits more than the lateness behind an earlier line.
    pub far_behind: u64,
    /// The farthest that a hit was behind an earlier line.
    pub farthest: Span,
}

impl Read {
    /// Lines that were read at all.
    pub fn lines(&self) -> u64 {
        self.accepted + self.rejected
    }
}

/// Why the input could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file could not be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The bus did not take the records.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// It was asked to stop.
    #[error("stopped before the end of the input; the same command again goes on where this one ended")]
    Stopped,
}

/// Publishes every item, then an `end` record to each partition. One batch is on its way while the next is read.
pub struct Publisher {
    bus: SharedBus,
    runtime: Handle,
    lateness: Span,
    batch: Vec<Outgoing>,
    batch_bytes: usize,
    on_its_way: Option<BoxFuture<'static, Result<(), BusError>>>,
    newest: Option<Timestamp>,
    read: Read,
}

impl Publisher {
    /// A publisher to a bus. `lateness` is what hits are measured against for [`Read::far_behind`].
    pub fn new(bus: SharedBus, runtime: Handle, lateness: Span) -> Self {
        Self {
            bus,
            runtime,
            lateness,
            batch: Vec::with_capacity(BATCH_RECORDS),
            batch_bytes: 0,
            on_its_way: None,
            newest: None,
            read: Read::default(),
        }
    }

    /// Publishes all of it; blocks. `is_stopped` is asked once a batch.
    pub fn run(
        mut self,
        items: impl Iterator<Item = Result<Item, InputError>>,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Read, PublishError> {
        for item in items {
            self.push(item?);
            if self.batch.len() >= BATCH_RECORDS || self.batch_bytes >= BATCH_BYTES {
                if is_stopped() {
                    return Err(PublishError::Stopped);
                }
                self.send()?;
            }
        }
        self.end();
        self.send()?;
        self.arrived()?;
        Ok(self.read)
    }

    fn push(&mut self, item: Item) {
        let record = match item.record {
            LineRecord::Hit { key, value } => {
                self.read.accepted += 1;
                self.note_order(item.time);
                Outgoing { topic: Topic::Hits, partition: None, key: Some(key), value, append_time: Some(item.time) }
            }
            LineRecord::Rejected { value } => {
                self.read.rejected += 1;
                if self.read.shown.len() < SHOWN {
                    self.read.shown.push(value.clone());
                }
                Outgoing { topic: Topic::Rejected, partition: Some(0), key: None, value, append_time: Some(item.time) }
            }
        };
        self.batch_bytes += record.value.len() + record.key.as_ref().map_or(0, Bytes::len);
        self.batch.push(record);
    }

    fn note_order(&mut self, time: Timestamp) {
        let newest = self.newest.map_or(time, |newest| newest.max(time));
        self.newest = Some(newest);
        let behind = newest - time;
        self.read.far_behind += u64::from(behind > self.lateness);
        self.read.farthest = self.read.farthest.max(behind);
    }

    fn end(&mut self) {
        let value = Bytes::from(Control::End.to_json());
        let append_time = Some(self.newest.unwrap_or_default());
        self.batch.extend((0..self.bus.partitions()).map(|partition| Outgoing {
            topic: Topic::Hits,
            partition: Some(partition),
            key: None,
            value: value.clone(),
            append_time,
        }));
    }

    /// Publishes the batch once the one before has arrived: two at once could overtake each other.
    fn send(&mut self) -> Result<(), BusError> {
        self.arrived()?;
        self.batch_bytes = 0;
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_RECORDS));
        self.on_its_way = Some(self.bus.publish(batch));
        Ok(())
    }

    fn arrived(&mut self) -> Result<(), BusError> {
        self.on_its_way.take().map_or(Ok(()), |publish| self.runtime.block_on(publish))
    }
}

#[cfg(test)]
mod tests;
