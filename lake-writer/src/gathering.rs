//! One batch while it gathers: takes a partition's records in order and says when it is full. Pure.

use std::time::{Duration, Instant};

use bus::Record;
use events::{NextOffset, Timestamp};
use lake::{Batch, BatchRecord, LakeError, Next, OffsetRange, Series};
use tables::{Layout, Rolling, TableBatch};

/// A batch that is full of unreadable records is cut, so that its record stays small.
const MOST_SKIPPED: usize = 1000;

/// A batch that gathers: a new one, or one whose record stands already and must be made again.
pub(crate) struct Gathering {
    start: NextOffset,
    position: NextOffset,
    again: Option<BatchRecord>,
    expired: Option<OffsetRange>,
    rows: TableBatch,
    skipped: Vec<OffsetRange>,
    first_at: Option<Instant>,
    appended: Option<Timestamp>,
}

/// What became of a record.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// It is a row.
    Row,
    /// The table cannot read it: it is skipped, and the batch's record will say so.
    Skipped(tables::RowError),
    /// It belongs to the next batch.
    Not,
}

impl Gathering {
    /// Begins what the chain asks for. `expired` is what the topic no longer holds of it.
    pub(crate) fn begin(series: &Series, next: Next<'_>, expired: Option<OffsetRange>) -> Self {
        let (start, again) = match next {
            Next::Append(at) => (at, None),
            Next::Finish(record) => (record.start, Some(record.clone())),
        };
        let position = expired.map_or(start, |expired| expired.to);
        let rows = TableBatch::new(series.table);
        Self { start, position, again, expired, rows, skipped: Vec::new(), first_at: None, appended: None }
    }

    /// The position of the next record that it takes.
    pub(crate) fn position(&self) -> NextOffset {
        self.position
    }

    /// When the log took the newest of its records.
    pub(crate) fn appended(&self) -> Option<Timestamp> {
        self.appended
    }

    /// Whether it has taken no record yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.first_at.is_none()
    }

    /// Whether its record stands already.
    pub(crate) fn is_made_again(&self) -> bool {
        self.again.is_some()
    }

    /// Whether it may be cut where it is: a batch that is made again ends where it ended.
    pub(crate) fn may_be_cut(&self) -> bool {
        !self.is_empty() && self.again.is_none()
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes_in_memory()
    }

    /// How many cells were left empty because their values do not fit.
    pub(crate) fn unreadable_cells(&self) -> u64 {
        self.rows.unreadable_cells()
    }

    /// Takes a record.
    pub(crate) fn take(&mut self, record: &Record, now: Instant) -> Taken {
        let ends_before = |again: &BatchRecord| record.offset.0 >= again.end.0;
        if self.again.as_ref().is_some_and(ends_before) {
            // The last record of the batch is gone from the topic; the batch still ends where it ended.
            self.position = self.again.as_ref().map_or(self.position, |again| again.end);
            return Taken::Not;
        }
        if record.offset.0 < self.position.0 {
            return Taken::Not;
        }
        self.first_at.get_or_insert(now);
        self.appended = self.appended.max(Some(record.append_time));
        self.position = record.offset.next();
        if self.again.as_ref().is_some_and(|again| again.skips(record.offset)) {
            return Taken::Row;
        }
        match self.rows.push(record.offset, record.value.as_deref().unwrap_or_default()) {
            Ok(()) => Taken::Row,
            Err(error) => {
                self.skip(OffsetRange { from: NextOffset(record.offset.0), to: record.offset.next() });
                Taken::Skipped(error)
            }
        }
    }

    fn skip(&mut self, one: OffsetRange) {
        match self.skipped.last_mut() {
            Some(last) if last.to == one.from => last.to = one.to,
            _ => self.skipped.push(one),
        }
    }

    /// Whether it takes no further record. Depends on the records alone, not on how they were handed over.
    pub(crate) fn is_full(&self, rolling: &Rolling) -> bool {
        match &self.again {
            Some(again) => self.position >= again.end,
            None => rolling.is_full(&self.rows) || self.skipped.len() >= MOST_SKIPPED,
        }
    }

    /// When it must be written however small it is.
    pub(crate) fn due_at(&self, interval: Duration) -> Option<Instant> {
        let first_at = self.first_at.filter(|_| self.may_be_cut())?;
        first_at.checked_add(interval)
    }

    /// The batch, ready to be committed.
    pub(crate) fn finish(self, series: &Series, layout: Layout) -> Result<Batch, LakeError> {
        match self.again {
            Some(record) => Batch::again(record, self.expired, self.rows),
            None => Batch::new(series, self.start, self.position, self.skipped, self.expired, self.rows, layout),
        }
    }
}

#[cfg(test)]
mod tests;
