//! What a backfill writes of what it makes: the rows of the days that were asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bus::{Bounds, Bus, BusError, Condition, Group, Outgoing, Output, Polled, Reader, SharedBus, Source, Step, Worker};
use events::{LogId, NextOffset, Timestamp, Topic};
use futures::future::BoxFuture;
use serde::Deserialize;
use tables::Table;

use super::days::Days;

/// Rows that were made, and are of other days than those asked for.
#[derive(Debug, Default)]
pub(in crate::replay) struct Outside {
    pub(in crate::replay) hits: AtomicU64,
    pub(in crate::replay) sessions: AtomicU64,
    pub(in crate::replay) late: AtomicU64,
}

/// A bus as its sessionizer sees it: records that become rows of other days are not written.
pub(in crate::replay) struct KeptDays {
    bus: SharedBus,
    days: Days,
    outside: Arc<Outside>,
}

impl KeptDays {
    /// Over a bus; rows that are not written are counted in `outside`.
    pub(in crate::replay) fn new(bus: SharedBus, days: Days, outside: Arc<Outside>) -> Self {
        Self { bus, days, outside }
    }
}

impl Bus for KeptDays {
    fn partitions(&self) -> u32 {
        self.bus.partitions()
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        self.bus.log_id()
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        self.bus.publish(records)
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        let worker = self.bus.join(group)?;
        Ok(Box::new(KeptWorker { worker, days: self.days, outside: self.outside.clone() }))
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        self.bus.read(source, from)
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        self.bus.bounds(source)
    }

    fn queued_bytes(&self) -> usize {
        self.bus.queued_bytes()
    }

    fn condition(&self) -> Condition {
        self.bus.condition()
    }
}

struct KeptWorker {
    worker: Box<dyn Worker>,
    days: Days,
    outside: Arc<Outside>,
}

impl Worker for KeptWorker {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, BusError> {
        self.worker.poll(timeout)
    }

    fn seek(&mut self, source: Source, position: NextOffset) -> Result<(), BusError> {
        self.worker.seek(source, position)
    }

    fn pause(&mut self, source: Source) -> Result<(), BusError> {
        self.worker.pause(source)
    }

    fn resume(&mut self, source: Source) -> Result<(), BusError> {
        self.worker.resume(source)
    }

    fn commit(&mut self, step: Step<'_>) -> Result<(), BusError> {
        let is_kept = |output: &&Output<'_>| time_of(output).is_none_or(|time| self.days.contain(time));
        let (kept, left): (Vec<_>, Vec<_>) = step.outputs.iter().partition(is_kept);
        let kept: Vec<Output<'_>> = kept.into_iter().copied().collect();
        self.worker.commit(Step { outputs: &kept, ..step })?;
        for output in left {
            let count = match output.target.topic {
                Topic::Sessions => &self.outside.sessions,
                Topic::Late => &self.outside.late,
                _ => &self.outside.hits,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The times that rows are dated by.
#[derive(Deserialize)]
struct Dated {
    time: Option<Timestamp>,
    start: Option<Timestamp>,
}

/// The time that an output's row is dated by; `None` for what is no row, and for what says nothing of it.
fn time_of(output: &Output<'_>) -> Option<Timestamp> {
    let table = Table::of(output.target.topic)?;
    let Dated { time, start } = serde_json::from_slice(output.value?).ok()?;
    if table == Table::Sessions { start } else { time }
}
