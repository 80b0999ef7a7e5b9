//! How far the restore of a partition is: in the log, in `/ready`, in metrics.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::NextOffset;
use service::metrics as name;

/// How often the log is told.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// One restore. Clones tell how much is left of the same one.
#[derive(Clone)]
pub(crate) struct Progress {
    partition: u32,
    /// Records read so far, of state and log.
    records: u64,
    /// Offsets that are left of what is being read.
    left: Arc<AtomicI64>,
    /// What it waits for, if it does not come on.
    stuck: Arc<Mutex<Option<String>>>,
    said_at: Instant,
}

impl Progress {
    /// A restore begins.
    pub(crate) fn begin(partition: u32) -> Self {
        Self { partition, records: 0, left: Arc::default(), stuck: Arc::default(), said_at: Instant::now() }
    }

    /// So many records were read of the state or the log, which comes to `position` and must come to `until`.
    pub(crate) fn read(&mut self, topic: events::Topic, records: usize, position: NextOffset, until: NextOffset) {
        self.records += records as u64;
        let left = (until.0 - position.0).max(0);
        if self.left.swap(left, Ordering::Relaxed) != left {
            self.waits_for(None);
        }
        let label = self.partition.to_string();
        metrics::gauge!(name::RESTORE_RECORDS, "partition" => label.clone()).set(self.records as f64);
        metrics::gauge!(name::RESTORE_LEFT, "partition" => label).set(left as f64);
        if self.said_at.elapsed() >= SAY_EVERY {
            self.said_at = Instant::now();
            tracing::info!(partition = self.partition, %topic, records = self.records, left, "restoring");
        }
    }

    /// Nothing has come for long, and this is why.
    pub(crate) fn stand_still(&self, why: String) {
        tracing::warn!(partition = self.partition, "{why}");
        metrics::counter!(name::BUS_ERRORS, "operation" => "process").increment(1);
        self.waits_for(Some(why));
    }

    /// What it waits for, if it does not come on.
    pub(crate) fn stuck(&self) -> Option<String> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn waits_for(&self, why: Option<String>) {
        *self.stuck.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// What was read so far does not count: it is read anew, from the start.
    pub(crate) fn start_over(&mut self) {
        self.records = 0;
    }

    /// It was given up: the partition is not ours any more.
    pub(crate) fn give_up(&self) {
        let label = self.partition.to_string();
        metrics::gauge!(name::RESTORE_RECORDS, "partition" => label.clone()).set(0.0);
        metrics::gauge!(name::RESTORE_LEFT, "partition" => label).set(0.0);
    }

    /// Records read so far.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Offsets that are left of what is being read.
    pub(crate) fn left(&self) -> i64 {
        self.left.load(Ordering::Relaxed)
    }
}
