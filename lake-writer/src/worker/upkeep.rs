//! What the loop does now and then: says how far the tables are complete, and folds old batch records.

use std::time::Instant;

use lake::Mark;

use super::Desk;
use crate::Error;
use crate::config::Stop;
use crate::marks::CLOCKS_DIFFER;

impl Desk<'_> {
    /// Says how far the tables are complete: partitions that nothing comes in move on with the clock. A bounded run says
    /// nothing: it is complete when it ends, and has no clock.
    pub(super) fn mark(&mut self, now: Instant) -> Result<(), Error> {
        if !matches!(self.config.stop, Stop::OnShutdown) || self.outage.is_away() || !self.marks.is_due(now) {
            return Ok(());
        }
        for (&source, partition) in &self.partitions {
            let Some((offset, read_to)) = partition.idle_at() else { continue };
            // The time before the end: what the log takes from now on lies behind both.
            let time = (self.config.clock)().saturating_sub(CLOCKS_DIFFER);
            // A bus that is away has no end to be at; the next poll says so to everybody.
            let Ok(bounds) = self.log.bus.bounds(source) else { break };
            if read_to >= bounds.end {
                self.marks.raise(source, Mark { offset, complete_through: Some(time) });
            }
        }
        Ok(self.marks.say(now)?)
    }

    /// Folds old batch records. Not in a bounded run: what it leaves must not depend on when it ran.
    pub(super) fn fold(&mut self, now: Instant) -> Result<(), Error> {
        if !matches!(self.config.stop, Stop::OnShutdown) || self.outage.is_away() || !self.folds.is_due(now) {
            return Ok(());
        }
        let before = (self.config.clock)().saturating_sub(self.config.fold_after);
        Ok(self.folds.go_on(now, before)?)
    }

    pub(super) fn say_all(self, now: Instant) -> Result<(), Error> {
        match self.config.stop {
            Stop::OnShutdown => Ok(self.marks.say_all(now)?),
            Stop::AtEnd { .. } => Ok(()),
        }
    }
}
