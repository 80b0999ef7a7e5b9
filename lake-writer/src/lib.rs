//! Writes the topics into the lake, exactly once: gathers each partition's records into batches and commits them.
//!
//! What a batch is and how it is committed is `crates/lake`'s; what a row is, `crates/tables`'. This crate must never
//! take the group's offset for its position: the chain of batch records in the lake is the position.
//!
//! One record's way: [`run`]'s `worker` polls it, its partition's `gathering` takes it as a row, the batch is cut when
//! it is full, due or the largest while memory is short, and a `job` encodes and commits it beside the loop.

pub mod cli;
mod config;
mod encoders;
mod ending;
#[cfg(test)]
mod files_a_day;
mod folds;
mod gathering;
mod holes;
mod job;
mod log;
mod marks;
mod memory;
mod outage;
mod partition;
mod report;
mod worker;

use std::time::Duration;

use bus::{BusError, SharedBus};
use lake::{Lake, LakeError};
use service::{Health, Shutdown};
use tokio::runtime::Handle;

pub use config::{Config, Flush, Stop};
pub use report::{Summary, Written};

/// Why the lake-writer ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The lake cannot be written to as it is.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The machine gives no thread.
    #[error("no thread to encode on: {0}")]
    Thread(std::io::Error),
}

impl Error {
    /// Whether starting the worker anew may help. What may pass at the store is waited for by the worker itself.
    fn is_passing(&self, has_worked: bool) -> bool {
        matches!(self, Self::Bus(error) if error.is_passing(has_worked))
    }
}

/// How long to wait before a failed worker starts anew: doubled each time, from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Works until the token says stop, or in bounded mode until all is written. Runs on the caller's thread; calls to
/// the store run on the runtime, which must have its I/O and time enabled.
///
/// A store that is away is waited for, with the partitions paused and `/ready` saying so. After a failure of the bus
/// that may pass, everything in memory is dropped and read again from where the chains stand.
///
/// # Errors
///
/// What waiting cannot mend: a record that cannot be trusted, something in the way, a damaged log.
pub fn run(
    config: &Config,
    bus: &SharedBus,
    lake: &Lake,
    runtime: &Handle,
    shutdown: &Shutdown,
    health: &Health,
) -> Result<Summary, Error> {
    let readiness = health.register("lake-writer");
    if let Err(error) = runtime.block_on(lake.write_reader_files()) {
        tracing::warn!(%error, "the lake's `_tables` may be out of date; rows are written all the same");
    }
    let mut summary = Summary::default();
    if matches!(config.stop, Stop::OnShutdown) {
        tidy(config, lake, runtime);
    }
    let mut wait = BACKOFF.0;
    loop {
        let before = summary.clone();
        match worker::run(config, bus, lake, runtime, shutdown, &readiness, &mut summary) {
            Ok(()) => return Ok(summary),
            Err(error)
                if error.is_passing(matches!(config.stop, Stop::OnShutdown) && readiness.has_been_ready())
                    && !shutdown.is_cancelled() =>
            {
                readiness.not_ready(error.to_string());
                metrics::counter!(service::metrics::BUS_ERRORS, "operation" => "lake").increment(1);
                tracing::warn!(%error, "starting the worker anew in {wait:?}");
                shutdown.sleep(wait);
                // Progress since the last failure means that this is another one.
                wait = if summary.tables == before.tables { (wait * 2).min(BACKOFF.1) } else { BACKOFF.0 };
            }
            // Nothing that was acknowledged is lost by it: it stands in the log.
            Err(error)
                if matches!(config.stop, Stop::OnShutdown)
                    && shutdown.is_cancelled()
                    && error.is_passing(readiness.has_been_ready()) =>
            {
                tracing::warn!(%error, "stopped; what is not in the lake yet is written at the next start");
                return Ok(summary);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes what killed processes left half-written, beside the work.
fn tidy(config: &Config, lake: &Lake, runtime: &Handle) {
    let (lake, before) = (lake.clone(), (config.clock)().saturating_sub(config.fold_after));
    runtime.spawn_blocking(move || match lake.remove_staging(before) {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "removed files that were never finished"),
        Err(error) => tracing::warn!(%error, "files that were never finished stay"),
    });
}
