//! The log, seen from a partition.

use bus::{SharedBus, Source};
use lake::{Committer, Series};

use crate::Error;
use crate::gathering::Gathering;

/// What the log is.
pub(crate) struct Log<'a> {
    pub(crate) bus: &'a SharedBus,
    /// Whether it was made for this run alone: a replay's.
    pub(crate) is_made_anew: bool,
    /// Whether the topic may still be filling up to where its chain ends: a replay that runs again.
    pub(crate) may_lie_ahead: bool,
}

impl Log<'_> {
    /// Begins what a chain asks for.
    pub(crate) fn begin(&self, series: &Series, committer: &Committer, source: Source) -> Result<Gathering, Error> {
        let bounds = self.bus.bounds(source)?;
        let chain = committer.chain();
        let end = if self.may_lie_ahead { bounds.end.max(chain.position()) } else { bounds.end };
        let expired = chain.expired(series, bounds.start, end)?;
        if let Some(expired) = expired {
            tracing::warn!(%source, from = %expired.from, to = %expired.to, "offsets have expired unread");
        }
        Ok(Gathering::begin(series, committer.next(), expired))
    }
}
