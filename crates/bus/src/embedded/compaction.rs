//! Keeps compacted topics small: the newest record of each key stays, what it superseded goes, and so do tombstones
//! that everybody had time to see: see `tombstones`.
//!
//! A pass over a partition has two halves. The first reads what was appended since the last pass and notes the newest
//! offset of each key there. The second goes through the partition from its start and writes each run of batches
//! anew without what those keys supersede; offsets stay as they are, and batches go on covering every offset. Both
//! are done in slices between which the writer serves who waits, each slice of the second is one transaction, and a
//! crash between two of them leaves a log that says the same as before: only records go that a later one overrules.
//!
//! So a checkpoint is written as it came, in batches. With a row and an index entry for each key instead, one of
//! 200,000 sessions (140 MB) took the writer 3.4 to 6.6 s, and now 0.33 to 0.57 s; who published one record meanwhile
//! waited for up to 4.0 s, and now 0.38 s (2 cores, ext4; `benches/embedded.rs`).

use std::collections::HashMap;
use std::path::Path;

use events::{NextOffset, Offset, Span, Timestamp};
use rusqlite::{Connection, params};
use xxhash_rust::xxh3::xxh3_128;

use super::batch::{BATCH_BYTES, BATCH_RECORDS, Batch, Layout, push_sparse};
use super::tail::{Standing, Tail};
use super::{disk, fault, place, transaction};
use crate::{BusError, Record, Source};

pub(super) use tombstones::Looks;

mod tombstones;

/// A pass begins when this much was appended since the last one, and no less than what stood before it: so a
/// partition is at most about twice as large as what lives in it, and each byte is written anew about once.
const DIRTY_BYTES: i64 = 4 << 20;
/// A pass begins for less than that when some of it is older than [`LAG`].
const DIRTY_BYTES_IN_TIME: i64 = 256 << 10;
/// How long superseded records may stay (Kafka: `max.compaction.lag.ms`).
const LAG: Span = Span::from_mins(15);
/// One slice reads no more than this: a few milliseconds, which publishers may have to wait.
pub(super) const SLICE: Slice = Slice { batches: 512, bytes: 4 << 20 };
/// Keys that one pass notes, 17 MB of them (P6). Where there are more, further passes follow.
const KEYS: usize = 450_000;

/// The most that is read at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) batches: usize,
    pub(super) bytes: usize,
}

/// The way through one partition.
pub(super) struct Pass {
    source: Source,
    /// Records before this position are looked at.
    until: NextOffset,
    /// Whether it has room for all keys, so that no other pass needs to follow.
    is_last: bool,
    /// Tombstones before this position go.
    tombstones_until: NextOffset,
    /// The newest offset of each key that was appended since the last pass, by its hash. Of 128 bits, so that two
    /// keys never meet.
    newest: HashMap<u128, i64>,
    half: Half,
}

#[derive(Clone, Copy)]
enum Half {
    Noting { next: NextOffset },
    Writing { next: NextOffset },
}

/// What a slice needs.
pub(super) struct Site<'a> {
    pub(super) connection: &'a Connection,
    pub(super) file: &'a Path,
    pub(super) tail: &'a Tail,
    pub(super) now: Timestamp,
    pub(super) slice: Slice,
}

impl Pass {
    /// Looks at a partition, and begins a pass over it if it is worth it, or if it is asked for.
    pub(super) fn begin(
        site: &Site<'_>,
        source: Source,
        looks: &mut Looks,
        is_asked_for: bool,
    ) -> Result<Option<Self>, BusError> {
        let standing = site.tail.standing(source);
        let (cleaned, dirty, oldest) = dirty(site, source).map_err(|error| fault::at(site.file, "read", &error))?;
        // Memory goes on giving out what is gone from the disk.
        let tombstones_until = looks.look(cleaned.min(site.tail.in_memory_from(source)), site.now);
        let is_much = dirty >= DIRTY_BYTES && dirty >= standing.bytes - dirty;
        let is_old = dirty >= DIRTY_BYTES_IN_TIME && oldest.is_some_and(|oldest| oldest < site.now - LAG);
        if !(is_much || is_old || is_asked_for) || standing.start == standing.end {
            return Ok(None);
        }
        let half = Half::Noting { next: cleaned };
        let (until, newest) = (standing.end, HashMap::new());
        Ok(Some(Self { source, until, is_last: true, tombstones_until, newest, half }))
    }

    /// Whether no other pass needs to follow for what was there when this one began.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Does a slice of the work. `true` when the pass is over.
    pub(super) fn work(&mut self, site: &Site<'_>) -> Result<bool, BusError> {
        let (Half::Noting { next: from } | Half::Writing { next: from }) = self.half;
        let batches = disk::batches(site.connection, site.file, self.source, (from, self.until), site.slice)?;
        let next = batches.last().map_or(self.until, |batch| batch.next);
        match self.half {
            Half::Noting { .. } => {
                self.note(site, batches)?;
                let start = NextOffset::START;
                self.half = if next >= self.until { Half::Writing { next: start } } else { Half::Noting { next } };
                Ok(false)
            }
            Half::Writing { .. } => {
                let runs = self.runs(site, batches)?;
                let is_over = next >= self.until;
                self.write(site, &runs, is_over).map_err(|error| fault::at(site.file, "compact", &error))?;
                self.half = Half::Writing { next };
                Ok(is_over)
            }
        }
    }

    fn note(&mut self, site: &Site<'_>, batches: Vec<Batch>) -> Result<(), BusError> {
        for batch in batches {
            for record in records(site, self.source, &batch)? {
                self.newest.insert(hash(&record), record.offset.0);
            }
            if self.newest.len() >= KEYS {
                self.is_last = batch.next == self.until;
                self.until = batch.next;
                break;
            }
        }
        Ok(())
    }

    fn is_gone(&self, record: &Record) -> bool {
        let is_old_tombstone = record.value.is_none() && record.offset.0 < self.tombstones_until.0;
        is_old_tombstone || self.newest.get(&hash(record)).is_some_and(|&newest| newest > record.offset.0)
    }

    /// Puts batches together into runs that are to be written anew. Large batches in which everything lives stay.
    fn runs(&self, site: &Site<'_>, batches: Vec<Batch>) -> Result<Vec<Run>, BusError> {
        let mut runs: Vec<Run> = Vec::new();
        let mut is_open = false;
        for batch in batches {
            let all = records(site, self.source, &batch)?;
            let before = all.len();
            let live: Vec<_> = all.into_iter().filter(|record| !self.is_gone(record)).collect();
            let has_gone = live.len() < before;
            if !has_gone && (batch.bytes.len() >= BATCH_BYTES / 2 || live.len() >= BATCH_RECORDS as usize / 2) {
                is_open = false;
                continue;
            }
            let one = Run::of(&batch, &live, has_gone);
            match runs.last_mut().filter(|last| is_open && last.can_take(&one)) {
                Some(last) => last.take(one),
                None => runs.push(one),
            }
            is_open = true;
        }
        runs.retain(|run| run.has_gone || run.batches > 1);
        Ok(runs)
    }

    fn write(&self, site: &Site<'_>, runs: &[Run], is_over: bool) -> rusqlite::Result<()> {
        if runs.is_empty() && !is_over {
            return Ok(());
        }
        let freed: i64 = runs.iter().map(|run| run.bytes_before - run.bytes.len() as i64).sum();
        transaction::within(site.connection, || {
            let mut remove = site.connection.prepare_cached("DELETE FROM batches WHERE id >= ?1 AND id < ?2")?;
            for run in runs {
                let [first, behind] = [NextOffset(run.base.0), run.next].map(|at| place::row_id(self.source, at));
                remove.execute([first, behind])?;
                transaction::put_batch(site.connection, self.source, &run.batch())?;
            }
            let place = place::place(self.source);
            site.connection
                .prepare_cached("UPDATE partitions SET bytes = bytes - ?2 WHERE place = ?1")?
                .execute(params![place, freed])?;
            if is_over {
                site.connection
                    .prepare_cached("UPDATE partitions SET cleaned_offset = ?2 WHERE place = ?1")?
                    .execute(params![place, self.until.0])?;
            }
            Ok(())
        })?;
        let Standing { start, .. } = site.tail.standing(self.source);
        site.tail.cut(self.source, start, freed);
        Ok(())
    }
}

/// Batches that follow each other, as one.
struct Run {
    base: Offset,
    next: NextOffset,
    taken: Timestamp,
    batches: u32,
    records: u32,
    bytes_before: i64,
    has_gone: bool,
    bytes: Vec<u8>,
}

impl Run {
    fn of(batch: &Batch, live: &[Record], has_gone: bool) -> Self {
        let mut bytes = Vec::with_capacity(batch.bytes.len());
        live.iter().for_each(|record| push_sparse(&mut bytes, record));
        let Batch { base, next, taken, .. } = *batch;
        let bytes_before = batch.bytes.len() as i64;
        Self { base, next, taken, batches: 1, records: live.len() as u32, bytes_before, has_gone, bytes }
    }

    fn can_take(&self, other: &Self) -> bool {
        self.bytes.len() + other.bytes.len() <= BATCH_BYTES && self.records + other.records <= BATCH_RECORDS
    }

    fn take(&mut self, other: Self) {
        (self.next, self.taken) = (other.next, other.taken);
        self.batches += other.batches;
        self.records += other.records;
        self.bytes_before += other.bytes_before;
        self.has_gone |= other.has_gone;
        self.bytes.extend_from_slice(&other.bytes);
    }

    fn batch(&self) -> Batch {
        let Self { base, next, taken, .. } = *self;
        Batch { base, next, taken, layout: Layout::Sparse, bytes: self.bytes.clone().into() }
    }
}

/// The position up to which the last pass came, how many bytes were appended since, and when the first of them were.
fn dirty(site: &Site<'_>, source: Source) -> rusqlite::Result<(NextOffset, i64, Option<Timestamp>)> {
    let cleaned: i64 = site
        .connection
        .prepare_cached("SELECT cleaned_offset FROM partitions WHERE place = ?1")?
        .query_row([place::place(source)], |row| row.get(0))?;
    let cleaned = NextOffset(cleaned);
    site.connection
        .prepare_cached(
            "SELECT coalesce(sum(length(records)), 0), min(append_time) FROM batches WHERE id >= ?1 AND id < ?2",
        )?
        .query_row([place::row_id(source, cleaned), place::row_limit(source)], |row| {
            Ok((cleaned, row.get(0)?, row.get::<_, Option<i64>>(1)?.map(Timestamp::from_millis)))
        })
}

fn records(site: &Site<'_>, source: Source, batch: &Batch) -> Result<Vec<Record>, BusError> {
    let mut records = Vec::new();
    batch.decode(NextOffset(batch.base.0), &mut records).ok_or_else(|| {
        BusError::Damaged(format!(
            "{}: {source}: the batch at offset {} cannot be read",
            site.file.display(),
            batch.base
        ))
    })?;
    Ok(records)
}

fn hash(record: &Record) -> u128 {
    xxh3_128(record.key.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests;
