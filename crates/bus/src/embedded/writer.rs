//! The one thread that writes. What waits is committed together, by one sync: the more wait, the more share it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use events::NextOffset;
use rusqlite::Connection;

use super::Shared;
use super::batch::{Batch, Segment};
use super::fault::{self, Fault};
use super::housekeeping::Housekeeping;
use super::options::Clock;
use super::queue::{Answer, ClosedWithWriter, Next, Positions, Request, Work};
use super::{transaction, wal};
use crate::{BusError, Source};

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) file: PathBuf,
    pub(super) wal: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) housekeeping: Housekeeping,
    pub(super) clock: Clock,
    pub(super) is_failing: bool,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let shared = self.shared.clone();
        let _closed = ClosedWithWriter(&shared.queue);
        loop {
            match self.shared.queue.take(self.housekeeping.due()) {
                Next::Group(group) => self.serve(group),
                Next::Idle => {}
                Next::Closed => return,
            }
            // What waits goes first, then the next slice.
            self.housekeeping.work(&self.connection, &self.file, &shared, &self.clock);
            self.housekeeping.bound_wal(&self.connection, &self.wal);
        }
    }

    fn serve(&mut self, group: Vec<Request>) {
        let mut appends = Vec::new();
        let mut answers = Vec::new();
        for Request { work, answer } in group {
            match work {
                Work::Append { segments, positions } => {
                    appends.push((segments, positions));
                    answers.push(answer);
                }
                Work::Retain { now } => {
                    answer.send(self.housekeeping.all(&self.connection, &self.file, &self.shared, now));
                }
            }
        }
        if !appends.is_empty() {
            let result = self.append(appends);
            self.tell(&result);
            answers.into_iter().for_each(|answer: Answer| answer.send(result.clone()));
        }
    }

    /// Logs when writing begins to fail and when it works again, and not each failure in between.
    fn tell(&mut self, result: &Result<(), BusError>) {
        match result {
            Err(error) if !self.is_failing => tracing::error!(%error, "records cannot be written; they are refused"),
            Ok(()) if self.is_failing => {
                tracing::info!("records can be written again");
                // What was just made room for is best used to give back what the write-ahead log holds.
                self.empty_wal();
            }
            _ => {}
        }
        self.is_failing = result.is_err();
    }

    fn append(&mut self, appends: Vec<(Vec<Segment>, Option<Positions>)>) -> Result<(), BusError> {
        let mut segments = BTreeMap::<Source, Vec<Segment>>::new();
        let mut positions = Vec::new();
        for (of_request, reached) in appends {
            for segment in of_request {
                join(segments.entry(segment.source).or_default(), segment);
            }
            positions.extend(reached);
        }
        let batches = self.give_places(segments);
        self.commit(&batches, &positions)?;
        self.shared.counters.committed(batches.iter().map(|(_, batch)| batch.next.0 - batch.base.0).sum());
        // Positions before ends: whoever sees the records of a step must find its positions moved.
        for reached in &positions {
            self.shared.committed.reached(&reached.group, &reached.list);
        }
        self.shared.tail.append(batches);
        Ok(())
    }

    /// Commits, and tries once more where the disk is full but for what the write-ahead log can give back.
    fn commit(&self, batches: &[(Source, Batch)], positions: &[Positions]) -> Result<(), BusError> {
        let mut result = transaction::commit(&self.connection, batches, positions);
        if result.as_ref().is_err_and(|error| fault::kind(error) == Fault::Full) {
            self.empty_wal();
            result = transaction::commit(&self.connection, batches, positions);
        }
        result.map_err(|error| fault::at(&self.file, "write to", &error))
    }

    /// Moves what the write-ahead log holds into the file, and gives its room back.
    fn empty_wal(&self) {
        let emptied = wal::empty(&self.connection);
        // On a disk without any room this fails too, and changes nothing.
        tracing::debug!(?emptied, "tried to give back the room of the write-ahead log");
    }

    /// Gives each segment its offsets and its append time.
    fn give_places(&self, segments: BTreeMap<Source, Vec<Segment>>) -> Vec<(Source, Batch)> {
        let now = (self.clock)();
        let mut batches = Vec::new();
        for (source, segments) in segments {
            let standing = self.shared.tail.standing(source);
            let taken = now.max(standing.stamped);
            let mut end = standing.end;
            for segment in segments {
                let base = events::Offset(end.0);
                end = NextOffset(end.0 + i64::from(segment.count));
                batches.push((
                    source,
                    Batch { base, next: end, taken, layout: segment.layout(), bytes: segment.bytes.into() },
                ));
            }
        }
        batches
    }
}

/// Puts a segment behind the others of its source; small ones become one.
fn join(segments: &mut Vec<Segment>, segment: Segment) {
    match segments.last_mut() {
        Some(last) if last.can_take(&segment) => {
            last.bytes.extend_from_slice(&segment.bytes);
            last.count += segment.count;
        }
        _ => segments.push(segment),
    }
}
