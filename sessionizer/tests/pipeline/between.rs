//! A bus that does as another one, but for what a test puts in between.

use std::sync::Arc;

use bus::{Bounds, Bus, BusError, Condition, Group, Outgoing, Reader, SharedBus, Source, Worker};
use events::{LogId, NextOffset};
use futures::future::BoxFuture;

/// What a test puts in between; where it says nothing, nothing.
pub(crate) trait Between: Send + Sync + 'static {
    fn publish(&self, bus: &SharedBus, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        bus.publish(records)
    }

    fn worker(&self, worker: Box<dyn Worker>) -> Box<dyn Worker> {
        worker
    }

    fn reader(&self, _source: Source, reader: Box<dyn Reader>) -> Box<dyn Reader> {
        reader
    }

    fn condition(&self, bus: &SharedBus) -> Condition {
        bus.condition()
    }
}

/// A bus behind this.
pub(crate) fn behind(between: impl Between, bus: SharedBus) -> SharedBus {
    Arc::new(Behind { between, bus })
}

struct Behind<B> {
    between: B,
    bus: SharedBus,
}

impl<B: Between> Bus for Behind<B> {
    fn queued_bytes(&self) -> usize {
        self.bus.queued_bytes()
    }

    fn partitions(&self) -> u32 {
        self.bus.partitions()
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        self.bus.log_id()
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        self.between.publish(&self.bus, records)
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        Ok(self.between.worker(self.bus.join(group)?))
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        Ok(self.between.reader(source, self.bus.read(source, from)?))
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        self.bus.bounds(source)
    }

    fn condition(&self) -> Condition {
        self.between.condition(&self.bus)
    }
}
