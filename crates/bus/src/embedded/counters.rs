//! What the bus has done, for metrics and for tests that count.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a bus has done since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Transactions that were committed: one sync each.
    pub commits: u64,
    /// Records that were committed.
    pub records: u64,
    /// How often somebody looked whether a partition has new records, in memory or on the disk.
    pub looks: u64,
    /// How many of the looks went to the disk.
    pub disk_reads: u64,
    /// Bytes that wait for the disk now.
    pub queued_bytes: usize,
}

#[derive(Default)]
pub(super) struct Counters {
    commits: AtomicU64,
    records: AtomicU64,
    looks: AtomicU64,
    disk_reads: AtomicU64,
    expired_uncommitted: AtomicU64,
}

impl Counters {
    pub(super) fn committed(&self, records: i64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records.unsigned_abs(), Ordering::Relaxed);
    }

    pub(super) fn looked(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read_from_disk(&self) {
        self.disk_reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn expired_uncommitted(&self, records: i64) {
        self.expired_uncommitted.fetch_add(records.unsigned_abs(), Ordering::Relaxed);
    }

    /// Records that retention removed before every group had committed them.
    pub(super) fn all_expired_uncommitted(&self) -> u64 {
        self.expired_uncommitted.load(Ordering::Relaxed)
    }

    pub(super) fn counts(&self, queued_bytes: usize) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            commits: get(&self.commits),
            records: get(&self.records),
            looks: get(&self.looks),
            disk_reads: get(&self.disk_reads),
            queued_bytes,
        }
    }
}
