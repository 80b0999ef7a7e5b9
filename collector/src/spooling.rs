//! A bus that goes on taking hits while the one behind it is away: they go to a spool on disk, and on from there.
//!
//! In direct mode a publish goes to the bus. Where the bus refuses it, or says nothing for a while, its records go to the
//! spool instead, and from then on so does everything: nothing passes what waits in the spool, so that
//! each visitor's hits stay in order. [`Draining`] sends on what the spool holds; when it holds nothing any more, the
//! mode is direct again. Whatever is acknowledged is durable on the bus or in the spool (P1); what a crash makes us send twice
//! is found by its id.
//!
//! The rest of the edge knows nothing of this: it publishes to a [`Bus`].

mod draining;
mod envelope;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::{Bounds, Bus, BusError, Condition, Group, Outgoing, Reader, SharedBus, Source, Worker};
use events::{LogId, NextOffset};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use service::metrics::{SPOOL_BYTES, SPOOL_OLDEST_SECONDS, SPOOL_RECORDS, SPOOL_REFUSED, SPOOLED};
use service::{Clock, SpoolArgs};
use spool::{Options, Spool, SpoolError};
use tokio::sync::Notify;

pub use draining::Draining;

/// The largest record that is spooled. What no bus takes must not be acknowledged: it would stay in the spool for good.
const LARGEST_RECORD: usize = 1 << 20;

/// A bus with a spool before it.
pub struct SpooledBus {
    shared: Arc<Shared>,
}

/// What publishing and draining share.
struct Shared {
    bus: SharedBus,
    spool: Spool,
    clock: Clock,
    /// How long the bus may take before its records go to the spool.
    patience: Duration,
    mode: Mutex<Mode>,
    /// Told when there is something to drain.
    spooling: Notify,
}

/// Where records go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// To the bus; the spool is empty.
    Direct,
    /// To the spool, behind what it holds.
    Spooling,
}

impl SpooledBus {
    /// Opens the spool that the settings name, if they do, and what drains it. What an earlier process left in it comes first.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be used.
    pub fn open(args: &SpoolArgs, bus: SharedBus, clock: Clock) -> Result<Option<(Arc<Self>, Draining)>, SpoolError> {
        let Some(folder) = &args.spool else { return Ok(None) };
        let (spool, reader, found) = Spool::open(Options::at(folder, args.spool_size.bytes()))?;
        if found.torn_bytes > 0 {
            tracing::info!(
                bytes = found.torn_bytes,
                "the spool ended in a record that nobody acknowledged; it was cut off"
            );
        }
        if found.records > 0 {
            tracing::info!(
                records = found.records,
                "the spool holds what an earlier run left; new hits queue behind it"
            );
        }
        let mode = if found.records > 0 { Mode::Spooling } else { Mode::Direct };
        let shared = Arc::new(Shared {
            bus,
            spool,
            clock,
            patience: args.spool_after.to_std(),
            mode: Mutex::new(mode),
            spooling: Notify::new(),
        });
        shared.measure();
        let draining = Draining::new(shared.clone(), reader);
        Ok(Some((Arc::new(Self { shared }), draining)))
    }
}

impl Shared {
    /// Puts records behind what the spool holds; none where it holds nothing, and the bus is to be asked.
    fn queue_up(self: &Arc<Self>, records: &[Outgoing]) -> Option<BoxFuture<'static, Result<(), BusError>>> {
        let mode = self.mode();
        (*mode == Mode::Spooling).then(|| self.keep(records, &mode))
    }

    /// Puts records into the spool, since the bus did not take them.
    fn fall_back(self: &Arc<Self>, records: &[Outgoing], why: &str) -> BoxFuture<'static, Result<(), BusError>> {
        let mut mode = self.mode();
        if *mode == Mode::Direct {
            tracing::warn!(why, "the bus does not take hits; they go to the spool until it does");
            *mode = Mode::Spooling;
        }
        let kept = self.keep(records, &mode);
        drop(mode);
        self.spooling.notify_one();
        kept
    }

    /// Puts records into the spool. With the mode in hand, so that nobody finds the spool empty and goes past them.
    fn keep(
        self: &Arc<Self>,
        records: &[Outgoing],
        _mode: &MutexGuard<'_, Mode>,
    ) -> BoxFuture<'static, Result<(), BusError>> {
        if let Some(size) = records.iter().map(envelope::size).find(|size| *size > LARGEST_RECORD) {
            return future::ready(Err(BusError::TooLarge { size, limit: LARGEST_RECORD })).boxed();
        }
        let kept = self.spool.append(records.iter().map(envelope::wrap).collect(), (self.clock)());
        let (shared, count) = (self.clone(), records.len() as u64);
        async move {
            let result = kept.await;
            shared.measure();
            match result {
                Ok(()) => {
                    metrics::counter!(SPOOLED).increment(count);
                    Ok(())
                }
                Err(error) => {
                    metrics::counter!(SPOOL_REFUSED, "reason" => reason(&error)).increment(count);
                    Err(BusError::Unavailable(format!("the bus is away, and {error}")))
                }
            }
        }
        .boxed()
    }

    /// Goes back to the bus if the spool holds nothing; whether it does.
    fn go_direct(&self) -> bool {
        let mut mode = self.mode();
        let is_empty = self.spool.standing().records == 0;
        if is_empty {
            *mode = Mode::Direct;
        }
        is_empty
    }

    fn mode(&self) -> MutexGuard<'_, Mode> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the metrics how much there is.
    fn measure(&self) {
        let standing = self.spool.standing();
        metrics::gauge!(SPOOL_BYTES).set(standing.bytes as f64);
        metrics::gauge!(SPOOL_RECORDS).set(standing.records as f64);
        let age = standing.oldest.map_or(0, |oldest| ((self.clock)() - oldest).as_millis().max(0));
        metrics::gauge!(SPOOL_OLDEST_SECONDS).set(age as f64 / 1000.0);
    }
}

/// The word for a refusal in metrics.
fn reason(error: &SpoolError) -> &'static str {
    match error {
        SpoolError::Full { .. } => "full",
        SpoolError::NoRoom(_) => "disk_full",
        SpoolError::Busy(_) => "busy",
        _ => "failed",
    }
}

impl Bus for SpooledBus {
    fn partitions(&self) -> u32 {
        self.shared.bus.partitions()
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        self.shared.bus.log_id()
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        let shared = self.shared.clone();
        if let Some(kept) = shared.queue_up(&records) {
            return kept;
        }
        let direct = shared.bus.publish(records.clone());
        async move {
            let why = match tokio::time::timeout(shared.patience, direct).await {
                Ok(Ok(())) => return Ok(()),
                // The records' own fault, here as there.
                Ok(Err(error @ BusError::TooLarge { .. })) => return Err(error),
                Ok(Err(error)) => error.to_string(),
                // It may stand after all: then the spool's is a copy, with the same ids.
                Err(_) => format!("no answer within {:?}", shared.patience),
            };
            shared.fall_back(&records, &why).await
        }
        .boxed()
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        self.shared.bus.join(group)
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        self.shared.bus.read(source, from)
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        self.shared.bus.bounds(source)
    }

    fn queued_bytes(&self) -> usize {
        self.shared.bus.queued_bytes()
    }

    fn condition(&self) -> Condition {
        self.shared.bus.condition()
    }
}

impl fmt::Debug for SpooledBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpooledBus").field("spool", &self.shared.spool).finish_non_exhaustive()
    }
}
