//! What the writer does beside writing: removing old records and compacting, in slices, so that nobody who publishes
//! waits for long.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use events::{NextOffset, Timestamp};
use rusqlite::Connection;

use super::compaction::{Looks, Pass, SLICE, Site};
use super::options::{Clock, Retention};
use super::{Shared, fault, place, retention, wal};
use crate::{BusError, Source};

/// How often the writer looks for records that are too old. Also how long it lets a disk alone that failed it.
const RETENTION_INTERVAL: Duration = Duration::from_mins(1);
/// How often it looks for something to compact: a fast sessionizer writes a gigabyte of state in a minute.
const COMPACTION_INTERVAL: Duration = Duration::from_secs(5);
/// How often it looks at the size of the write-ahead log, while there is something to write.
const WAL_INTERVAL: Duration = Duration::from_secs(1);
/// How long it waits for those who read the write-ahead log.
const WAL_PATIENCE: Duration = Duration::from_millis(200);

pub(super) struct Housekeeping {
    retention: Retention,
    next_retention: Instant,
    next_compaction: Instant,
    next_wal: Instant,
    /// Where a pass is under way.
    pass: Option<Pass>,
    /// What was found at each compacted partition since the log was opened.
    looks: BTreeMap<Source, Looks>,
    /// What went before its readers had it, and was not told yet: the group that is furthest behind, and how many records.
    uncommitted: BTreeMap<Source, (String, i64)>,
    /// Whether the write-ahead log may still hold what must leave no trace.
    has_traces: bool,
}

impl Housekeeping {
    pub(super) fn new(retention: Retention) -> Self {
        let now = Instant::now();
        let (next_retention, next_compaction) = (now + RETENTION_INTERVAL, now + COMPACTION_INTERVAL);
        let (looks, uncommitted) = (BTreeMap::new(), BTreeMap::new());
        let (next_wal, pass, has_traces) = (now, None, false);
        Self { retention, next_retention, next_compaction, next_wal, pass, looks, uncommitted, has_traces }
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Instant {
        self.next_retention.min(self.next_compaction)
    }

    /// Does a slice of what is due.
    pub(super) fn work(&mut self, connection: &Connection, file: &Path, shared: &Shared, clock: &Clock) {
        let now = Instant::now();
        if now >= self.next_retention {
            let result = self.retain_some(connection, file, shared, clock());
            self.next_retention = again("old records could not be removed", result, now, RETENTION_INTERVAL);
        }
        if now >= self.next_compaction {
            let site = Site { connection, file, tail: &shared.tail, now: clock(), slice: SLICE };
            let result = self.compact_some(&site, shared.partitions);
            if result.is_err() {
                self.pass = None;
            }
            self.next_compaction = again("state could not be compacted", result, now, COMPACTION_INTERVAL);
        }
    }

    /// Keeps the write-ahead log from growing for as long as there is always somebody who reads.
    pub(super) fn bound_wal(&mut self, connection: &Connection, file: &Path) {
        let now = Instant::now();
        if now < self.next_wal {
            return;
        }
        self.next_wal = now + WAL_INTERVAL;
        if file.metadata().is_ok_and(|file| file.len() > wal::BYTES) {
            // Where one reader stands still, every look would cost all of the writer's patience.
            if !wal::restart(connection, WAL_PATIENCE).is_ok_and(|done| done) {
                self.next_wal = now + RETENTION_INTERVAL;
            }
        }
    }

    /// Does everything at once.
    pub(super) fn all(
        &mut self,
        connection: &Connection,
        file: &Path,
        shared: &Shared,
        now: Timestamp,
    ) -> Result<(), BusError> {
        while !self.retain_some(connection, file, shared, now)? {}
        self.pass = None;
        let site = Site { connection, file, tail: &shared.tail, now, slice: SLICE };
        for source in compacted(shared.partitions) {
            while let Some(mut pass) = Pass::begin(&site, source, self.looks.entry(source).or_default(), true)? {
                while !pass.work(&site)? {}
                if pass.is_last() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Removes a part of what is too old or too much. `true` when that was all.
    fn retain_some(
        &mut self,
        connection: &Connection,
        file: &Path,
        shared: &Shared,
        now: Timestamp,
    ) -> Result<bool, BusError> {
        for source in place::all_sources(shared.partitions) {
            let standing = shared.tail.standing(source);
            let kept = |age| Retention { age: Some(age), bytes_per_partition: None };
            let retention = source.topic.kept_for().map_or(self.retention, kept);
            let cut = retention::cut_front(connection, source, &standing, retention, now);
            let cut = cut.map_err(|error| fault::at(file, "remove old records from", &error))?;
            if let Some(cut) = cut {
                shared.tail.cut(source, cut.start, cut.bytes);
                self.has_traces |= !source.topic.is_shown();
                self.note_uncommitted(source, standing.start, cut.start, shared);
                if !cut.is_done {
                    return Ok(false);
                }
            }
        }
        if self.has_traces {
            match wal::empty(connection) {
                Ok(()) => self.has_traces = false,
                // A full disk: what was removed is gone all the same.
                Err(error) => tracing::warn!(%error, "keys that were removed stay in the write-ahead log for now"),
            }
        }
        for (source, (group, records)) in std::mem::take(&mut self.uncommitted) {
            tracing::warn!(
                %source, group, records,
                "records were removed before the group had committed them: they are older than --retention"
            );
        }
        Ok(true)
    }

    /// Counts what went of a source, from an offset to another, before all who read it had committed it.
    fn note_uncommitted(&mut self, source: Source, from: NextOffset, to: NextOffset, shared: &Shared) {
        let Some((group, position)) = shared.committed.last(source) else { return };
        let records = to.0 - position.max(from).0;
        if records > 0 {
            shared.counters.expired_uncommitted(records);
            self.uncommitted.entry(source).or_insert((group, 0)).1 += records;
        }
    }

    /// Goes on with the pass that is under way, or begins one. `true` when there is none.
    fn compact_some(&mut self, site: &Site<'_>, partitions: u32) -> Result<bool, BusError> {
        if self.pass.is_none() {
            for source in compacted(partitions) {
                self.pass = Pass::begin(site, source, self.looks.entry(source).or_default(), false)?;
                if self.pass.is_some() {
                    break;
                }
            }
        }
        let Some(pass) = &mut self.pass else { return Ok(true) };
        if pass.work(site)? {
            self.pass = None;
        }
        Ok(false)
    }
}

fn compacted(partitions: u32) -> impl Iterator<Item = Source> {
    place::all_sources(partitions).filter(|source| source.topic.is_compacted())
}

/// When to go on: at once where something is left, later where nothing is, and later still after a failure.
fn again(trouble: &str, result: Result<bool, BusError>, now: Instant, interval: Duration) -> Instant {
    match result {
        Ok(false) => now,
        Ok(true) => now + interval,
        Err(error) => {
            tracing::warn!(%error, "{trouble}; trying again in a minute");
            now + RETENTION_INTERVAL
        }
    }
}
