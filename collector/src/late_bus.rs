//! A bus that is not there yet. Until it is, it refuses everything as a bus that is away does.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bus::{Away, Bounds, Bus, BusError, Condition, Group, Outgoing, Reader, SharedBus, Source, Worker};
use events::{LogId, NextOffset, Span};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use service::{BusArgs, OpenBusError, Shutdown, open_bus_for_requests};
use tokio::task::JoinHandle;

/// How long after a try to open it comes the next one.
const AGAIN: Duration = Duration::from_secs(1);

struct LateBus {
    bus: OnceLock<SharedBus>,
    /// As the settings have it: opening makes sure that it is so.
    partitions: u32,
    since: Instant,
}

/// What is said of it meanwhile.
const WHY: &str = "nobody has answered since this process started";

/// The opening of a bus, which may take long.
pub(crate) struct Late {
    args: BusArgs,
    /// How long a request waits for the bus.
    publish_timeout: Span,
    bus: Arc<LateBus>,
    /// The try that is under way.
    opening: Option<Opening>,
}

type Opening = JoinHandle<Result<SharedBus, OpenBusError>>;

impl Late {
    /// Begins to open the bus that the settings name. Call it from within the runtime.
    pub(crate) fn new(args: BusArgs, publish_timeout: Span) -> Self {
        let bus = LateBus { bus: OnceLock::new(), partitions: args.partitions, since: Instant::now() };
        Self { opening: Some(begin(&args, publish_timeout)), bus: Arc::new(bus), args, publish_timeout }
    }

    /// The bus that is there only later.
    pub(crate) fn bus(&self) -> SharedBus {
        self.bus.clone()
    }

    /// What comes of the first try within so long; none where that is not known yet.
    pub(crate) async fn opened_within(&mut self, wait: Duration) -> Option<Result<SharedBus, OpenBusError>> {
        let opened = tokio::time::timeout(wait, self.opening.as_mut()?).await.ok()?;
        self.opening = None;
        Some(opened.expect(NO_PANIC))
    }

    /// Tries until the bus is there, then waits to be told to stop.
    ///
    /// # Errors
    ///
    /// Where it is there, and cannot be used.
    pub(crate) async fn come(mut self, stop: Shutdown) -> Result<(), OpenBusError> {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            opened = self.open() => opened?,
        }
        stop.cancelled().await;
        Ok(())
    }

    async fn open(&mut self) -> Result<(), OpenBusError> {
        loop {
            let opening = match self.opening.take() {
                Some(opening) => opening,
                None => {
                    tokio::time::sleep(AGAIN).await;
                    begin(&self.args, self.publish_timeout)
                }
            };
            match opening.await.expect(NO_PANIC) {
                Ok(bus) => {
                    tracing::info!("the bus is there");
                    // Nobody else sets it.
                    let _ = self.bus.bus.set(bus);
                    return Ok(());
                }
                Err(error) if error.is_away() => tracing::debug!(%error, "the bus is still away"),
                Err(error) => return Err(error),
            }
        }
    }
}

const NO_PANIC: &str = "opening a bus does not panic, and is not aborted";

/// Opens it on a thread of its own: it asks brokers, and waits for them.
fn begin(args: &BusArgs, publish_timeout: Span) -> Opening {
    let args = args.clone();
    tokio::task::spawn_blocking(move || open_bus_for_requests(&args, publish_timeout))
}

impl LateBus {
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
