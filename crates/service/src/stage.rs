//! How every process starts and ends: logs, metrics, signals, then its services, then the admin port.

use bus::SharedBus;
use tokio::net::TcpListener;

use crate::crew::{Crew, CrewError};
use crate::health::Health;
use crate::settings::{DrainArgs, LogArgs};
use crate::shutdown::Shutdown;
use crate::telemetry::TelemetryError;
use crate::{admin, outage, telemetry};

/// Where a process's services are started. They are stopped in the order in which they were.
#[derive(Debug)]
pub struct Stage {
    /// The services.
    pub crew: Crew,
    /// Where they say whether they are ready.
    pub health: Health,
}

/// Sets logs, metrics and signals up, lets the services be started, and works until they end; told to stop, each goes on for
/// as long as `drain` says at most.
///
/// # Errors
///
/// What `start` says, unless it was told to stop meanwhile, and the first failure of a service.
pub fn serve<E>(log: &LogArgs, drain: DrainArgs, start: impl AsyncFnOnce(&mut Stage) -> Result<(), E>) -> Result<(), E>
where
    E: From<TelemetryError> + From<std::io::Error> + From<CrewError> + std::fmt::Display,
{
    telemetry::init_log(log)?;
    // Before anything counts: what is counted without a recorder is lost.
    telemetry::install_metrics()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = Shutdown::with_drain(drain.drain_timeout.to_std());
        shutdown.cancel_on_signals()?;
        let mut stage = Stage { crew: Crew::new(&shutdown), health: Health::default() };
        match start(&mut stage).await {
            // A bus that does not answer is waited for, and so may be whoever says stop. Nothing was begun.
            Err(error) if shutdown.is_cancelled() => {
                tracing::warn!("stopped before it had started: {error:#}");
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => Ok(stage.crew.run().await?),
        }
    })
}

impl Stage {
    /// Says in the log and in metrics when the bus is away, and when it is back; where the process is of no use without it, in
    /// `/ready` too. Call it from within the runtime.
    pub fn watch(&self, bus: &SharedBus, is_needed: bool) {
        outage::watch(bus, is_needed.then_some(&self.health));
    }

    /// Answers on the admin port. Last of all, so that a drain can be watched.
    ///
    /// # Errors
    ///
    /// Where metrics cannot be recorded.
    pub fn admin(&mut self, private: TcpListener) -> Result<(), TelemetryError> {
        let (metrics, health) = (telemetry::install_metrics()?, self.health.clone());
        if let Ok(address) = private.local_addr() {
            tracing::info!(admin = %address, "answering /live, /ready and /metrics");
        }
        self.crew.task("admin", |stop| admin::serve(private, health, metrics, stop));
        Ok(())
    }
}
