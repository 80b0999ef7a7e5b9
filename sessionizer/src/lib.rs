//! Turns the log of hits into sessions, exactly once: a thin loop that carries records between the bus and the
//! engine.
//!
//! This crate must never decide what a session is: that is `crates/sessions`. It restores engines, feeds them,
//! commits what they put out as one step with the position, and writes ticks where a partition is idle.

pub mod cli;
mod config;
mod controls;
mod grace;
mod partition;
mod progress;
mod report;
mod restore;
mod restores;
mod ticks;
mod worker;

use std::time::Duration;

use bus::{BusError, SharedBus};
use service::{Health, Shutdown};
use sessions::StateError;

pub use config::{Config, Mode};
pub use report::Summary;

/// Why the sessionizer ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The state cannot be used.
    #[error("state of partition {partition}: {error}")]
    State {
        /// The partition of `sessions.open`.
        partition: u32,
        /// What is wrong.
        error: StateError,
    },
    /// The bus does not take a record that a partition's hits lead to. Starting anew would lead to it again.
    #[error(
        "partition {partition} at offset {position}: a record for `{topic}` with key `{key}` has {size} bytes, over the bus's limit of {limit}: raise that limit"
    )]
    TooLarge {
        /// The partition.
        partition: u32,
        /// Behind which input record.
        position: events::NextOffset,
        /// Where the record should go.
        topic: events::Topic,
        /// The record's key.
        key: String,
        /// The record's size in bytes.
        size: usize,
        /// The bus's limit in bytes.
        limit: usize,
    },
    /// The state says a position that the log does not have.
    #[error(
        "partition {partition} was processed up to offset {position}, but `hits` ends at {end}: the log was made anew beside an old state"
    )]
    StateAhead {
        /// The partition.
        partition: u32,
        /// What the state says.
        position: events::NextOffset,
        /// Where the log ends.
        end: events::NextOffset,
    },
    /// The group says a position that the state knows nothing of.
    #[error(
        "`sessions.open/{partition}` holds nothing, though the group {group} had processed `hits/{partition}` up to offset {position}: the state was removed; restore it from where it was mirrored, or go on under a new --topic-prefix (who wants every hit to be written a second time runs kafka-consumer-groups.sh --group PREFIX{group} --all-topics --reset-offsets --to-earliest --execute)"
    )]
    StateGone {
        /// The partition.
        partition: u32,
        /// Whose position it is.
        group: &'static str,
        /// What the group has committed.
        position: events::NextOffset,
    },
}

impl Error {
    /// Whether starting the worker anew may help.
    fn is_passing(&self, has_worked: bool) -> bool {
        matches!(self, Self::Bus(error) if error.is_passing(has_worked))
    }
}

/// How long to wait before a failed worker starts anew: doubled each time, from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Works until the token says stop, or in bounded mode until every partition's `end` record was processed. Runs
/// on the caller's thread.
///
/// After a failure that may pass, everything in memory is dropped and loaded again from the state topic: what
/// was not committed did not happen.
///
/// # Errors
///
/// What no restart can mend: a state of a newer format, a damaged log.
pub fn run(config: &Config, bus: &SharedBus, shutdown: &Shutdown, health: &Health) -> Result<Summary, Error> {
    let readiness = health.register("sessionizer");
    let mut summary = Summary::default();
    let mut wait = BACKOFF.0;
    let mut was_away = false;
    let grace = grace::Grace::new(shutdown, config.mode);
    loop {
        let before = summary;
        match worker::run(config, bus, &grace, &readiness, was_away, &mut summary) {
            Ok(()) => return Ok(summary),
            Err(error)
                if error.is_passing(config.mode == Mode::Live && readiness.has_been_ready())
                    && !shutdown.is_cancelled() =>
            {
                readiness.not_ready(error.to_string());
                metrics::counter!(service::metrics::BUS_ERRORS, "operation" => "process").increment(1);
                tracing::warn!(%error, "starting the worker anew in {wait:?}");
                // Who is fenced right after an outage comes out of one, too.
                was_away |= !matches!(error, Error::Bus(BusError::Fenced(_)));
                shutdown.sleep(wait);
                // Progress since the last failure means that this is another one.
                wait = if summary == before { (wait * 2).min(BACKOFF.1) } else { BACKOFF.0 };
            }
            // Nothing that was acknowledged is lost by it: it stands in the log.
            Err(error)
                if config.mode == Mode::Live
                    && shutdown.is_cancelled()
                    && error.is_passing(readiness.has_been_ready()) =>
            {
                tracing::warn!(%error, "stopped; whoever has the partitions next goes on from what was committed before");
                return Ok(summary);
            }
            Err(error) => return Err(error),
        }
    }
}
