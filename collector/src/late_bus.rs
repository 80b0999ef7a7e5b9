//! A bus that is not there yet. Until it is, it refuses everything as a bus that is away does.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bus::{Away, Bounds, Bus, BusError, Condition, Group, Outgoing, Reader, SharedBus, Source, Worker};
use events::{LogId, NextOffset};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use service::{OpenBusError, Shutdown};

/// How long after a try to open it comes the next one.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct LateBus {
    bus: OnceLock<SharedBus>,
    /// As the settings have it: opening makes sure that it is so.
    partitions: u32,
    since: Instant,
}

/// What is said of it meanwhile.
const WHY: &str = "nobody has answered since this process started";

impl LateBus {
    pub(crate) fn new(partitions: u32) -> Self {
        Self { bus: OnceLock::new(), partitions, since: Instant::now() }
    }

    /// Tries until the bus is there, then waits to be told to stop.
    ///
    /// # Errors
    ///
    /// Where it is there, and cannot be used.
    pub(crate) async fn open(
        self: Arc<Self>,
        open: impl Fn() -> Result<SharedBus, OpenBusError> + Clone + Send + 'static,
        stop: Shutdown,
    ) -> Result<(), OpenBusError> {
        loop {
            // Asks brokers, and waits for them.
            let opened = tokio::task::spawn_blocking(open.clone());
            let opened = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                opened = opened => opened.expect("opening a bus does not panic, and is not aborted"),
            };
            match opened {
                Ok(bus) => {
                    tracing::info!("the bus is there");
                    // Nobody else sets it.
                    let _ = self.bus.set(bus);
                    stop.cancelled().await;
                    return Ok(());
                }
                Err(error) if error.is_away() => tracing::debug!(%error, "the bus is still away"),
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    fn bus(&self) -> Result<&SharedBus, BusError> {
        self.bus.get().ok_or_else(|| BusError::Unavailable(WHY.to_owned()))
    }
}

impl Bus for LateBus {
    fn partitions(&self) -> u32 {
        self.bus.get().map_or(self.partitions, |bus| bus.partitions())
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        self.bus()?.log_id()
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        match self.bus() {
            Ok(bus) => bus.publish(records),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        self.bus()?.join(group)
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        self.bus()?.read(source, from)
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        self.bus()?.bounds(source)
    }

    fn queued_bytes(&self) -> usize {
        self.bus.get().map_or(0, |bus| bus.queued_bytes())
    }

    fn condition(&self) -> Condition {
        let away = || Condition { away: Some(Away { since: self.since, why: WHY.to_owned() }), ..Condition::default() };
        self.bus.get().map_or_else(away, |bus| bus.condition())
    }
}
