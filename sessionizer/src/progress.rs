//! How far the restore of a partition is: in the log, in `/ready`, in metrics.

use std::time::{Duration, Instant};

use events::NextOffset;
use service::{Readiness, metrics as name};

/// How often the log is told.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// One restore.
pub(crate) struct Progress<'a> {
    partition: u32,
    readiness: &'a Readiness,
    /// Records read so far, of state and log.
    records: u64,
    said_at: Instant,
}

impl<'a> Progress<'a> {
    /// A restore begins: the sessionizer is not ready until it is told otherwise.
    pub(crate) fn begin(partition: u32, readiness: &'a Readiness) -> Self {
        readiness.not_ready(format!("restoring partition {partition}"));
        Self { partition, readiness, records: 0, said_at: Instant::now() }
    }

    /// So many records were read of the state or the log, which comes to `position` and must come to `until`.
    pub(crate) fn read(&mut self, topic: events::Topic, records: usize, position: NextOffset, until: NextOffset) {
        self.records += records as u64;
        let left = (until.0 - position.0).max(0);
        let label = self.partition.to_string();
        metrics::gauge!(name::RESTORE_RECORDS, "partition" => label.clone()).set(self.records as f64);
        metrics::gauge!(name::RESTORE_LEFT, "partition" => label).set(left as f64);
        if self.said_at.elapsed() >= SAY_EVERY {
            self.said_at = Instant::now();
            tracing::info!(partition = self.partition, %topic, records = self.records, left, "restoring");
            self.readiness.not_ready(format!("restoring partition {}: {left} offsets of {topic} left", self.partition));
        }
    }

    /// Records read so far.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }
}
