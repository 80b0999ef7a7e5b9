//! What was done, as a summary and as metrics. Both move only when a step is committed.

use service::metrics as name;
use sessions::{Counts, LateReason};

/// What was processed and committed since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Counts of all partitions.
    pub counts: Counts,
    /// Commits.
    pub steps: u64,
}

impl Summary {
    /// Takes a committed step in.
    pub(crate) fn committed(&mut self, counts: &Counts) {
        self.counts.add(counts);
        metrics::counter!(name::HITS_ENRICHED).increment(counts.enriched);
        metrics::counter!(name::HITS_DUPLICATE).increment(counts.duplicates);
        metrics::counter!(name::HITS_CLAMPED).increment(counts.clamped);
        metrics::counter!(name::HITS_BOT).increment(counts.bots);
        metrics::counter!(name::SESSIONS_FINAL).increment(counts.sessions);
        metrics::counter!(name::RECORDS_SKIPPED, "topic" => "hits").increment(counts.rejected);
        for reason in LateReason::ALL {
            metrics::counter!(name::HITS_LATE, "reason" => reason.as_str()).increment(counts.late[reason as usize]);
        }
    }
}
