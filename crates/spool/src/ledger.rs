//! What writer, reader and owner of a spool know together: which segments there are, and how far each is durable.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use events::{Span, Timestamp};

use crate::record::Seq;

/// How fine the age of the oldest record is known: so that an outage of days is remembered in little.
const GRAIN: Span = Span::from_secs(1);

/// A segment, and how far it is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    pub(crate) first: Seq,
    pub(crate) bytes: u64,
}

/// The state of a folder. What it says is durable.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In the order of their records.
    pub(crate) segments: VecDeque<Segment>,
    /// The next record to be read, should the process die now.
    pub(crate) position: Seq,
    /// The position behind the last record.
    pub(crate) end: Seq,
    /// When some of the records were appended; the first of them not after the position.
    marks: VecDeque<(Seq, Timestamp)>,
}

/// Where a reader goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) segment: Option<Segment>,
    /// The first record that is not in this segment, or not there yet.
    pub(crate) until: Seq,
}

impl Ledger {
    /// That of a folder without segments.
    pub(crate) fn starting_at(position: Seq) -> Self {
        Self { position, end: position, ..Self::default() }
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Records between position and end.
    pub(crate) fn records(&self) -> u64 {
        self.end.since(self.position)
    }

    /// When the oldest record that is not done with was appended: not later than this, to the second. None where there is
    /// no such record.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        let (_, time) = self.marks.front()?;
        (self.records() > 0).then_some(*time)
    }

    /// Records from this one on were appended then.
    pub(crate) fn mark(&mut self, seq: Seq, time: Timestamp) {
        if self.marks.back().is_none_or(|(_, last)| time >= *last + GRAIN) {
            self.marks.push_back((seq, time));
        }
    }

    /// Everything before the position is done with. The segments that hold nothing else, which are given back.
    pub(crate) fn advance(&mut self, to: Seq) -> Vec<Segment> {
        self.position = to;
        while self.marks.get(1).is_some_and(|(seq, _)| *seq <= to) {
            self.marks.pop_front();
        }
        if to >= self.end {
            self.marks.clear();
            return self.segments.drain(..).collect();
        }
        let mut done = Vec::new();
        while self.segments.get(1).is_some_and(|next| next.first <= to) {
            done.extend(self.segments.pop_front());
        }
        done
    }

    /// The segment that holds a record, and how far it goes.
    pub(crate) fn place(&self, at: Seq) -> Place {
        let behind = self.segments.partition_point(|segment| segment.first <= at);
        let segment = behind.checked_sub(1).map(|index| self.segments[index]);
        let until = self.segments.get(behind).map_or(self.end, |next| next.first);
        Place { segment, until }
    }
}

/// The ledger, shared.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Ledger>>);

impl Shared {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
