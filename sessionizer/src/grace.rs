//! The time that is left once the token says stop.

use std::cell::Cell;
use std::time::{Duration, Instant};

use service::Shutdown;

use crate::config::Mode;

/// Work that was begun may be finished for so long after the token said stop, and not longer.
pub(crate) struct Grace<'a> {
    shutdown: &'a Shutdown,
    period: Duration,
    /// When the stop was first seen.
    since: Cell<Option<Instant>>,
}

impl<'a> Grace<'a> {
    /// What stands in the log may be restored and processed for as long as the token says. Who stops a bounded run has lost
    /// interest in it.
    pub(crate) fn new(shutdown: &'a Shutdown, mode: Mode) -> Self {
        let period = match mode {
            Mode::Live => shutdown.drain(),
            Mode::Bounded => Duration::ZERO,
        };
        Self { shutdown, period, since: Cell::new(None) }
    }

    /// Whether the token said stop.
    pub(crate) fn has_begun(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Whether no time is left.
    pub(crate) fn is_over(&self) -> bool {
        if !self.shutdown.is_cancelled() {
            return false;
        }
        let since = self.since.get().unwrap_or_else(Instant::now);
        self.since.set(Some(since));
        since.elapsed() >= self.period
    }
}
