//! The log's ends and its newest batches, in memory. Readers that keep up are served and woken from here, without
//! a look at the disk.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use events::{NextOffset, Timestamp};

use super::batch::{BATCH_BYTES, Batch};
use super::place;
use crate::{Bounds, Source};

/// What one batch costs beside its bytes.
const BATCH_OVERHEAD: usize = 128;

/// Where one partition stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) start: NextOffset,
    pub(super) end: NextOffset,
    /// The last append time that was stamped; the next one is not before it.
    pub(super) stamped: Timestamp,
    /// The size of what the partition holds.
    pub(super) bytes: i64,
}

/// What was found at a position.
pub(super) enum Found {
    /// These batches, which hold the position and what follows it.
    InMemory(Vec<Batch>),
    /// The position is older than what memory holds.
    OnDisk,
    /// The position is the end.
    Nothing,
}

pub(super) struct Tail {
    partitions: u32,
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Counts what a sleeper could be waiting for.
    version: u64,
    places: Vec<(Standing, VecDeque<Batch>)>,
    /// The places of all batches held, the oldest batch first.
    order: VecDeque<usize>,
    held: usize,
}

impl Tail {
    pub(super) fn new(partitions: u32, limit: usize, standings: Vec<Standing>) -> Self {
        let places = standings.into_iter().map(|standing| (standing, VecDeque::new())).collect();
        let state = State { version: 0, places, order: VecDeque::new(), held: 0 };
        Self { partitions, limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the log's ends")
    }

    pub(super) fn standing(&self, source: Source) -> Standing {
        self.lock().places[place::index(source, self.partitions)].0.clone()
    }

    /// The position from which on memory holds all of a partition; its end where it holds nothing.
    pub(super) fn in_memory_from(&self, source: Source) -> NextOffset {
        let state = self.lock();
        let (standing, recent) = &state.places[place::index(source, self.partitions)];
        recent.front().map_or(standing.end, |first| NextOffset(first.base.0))
    }

    /// What stands at a position, about a megabyte of it, and the bounds of the partition at that moment.
    pub(super) fn find(&self, source: Source, from: NextOffset) -> (Bounds, Found) {
        let state = self.lock();
        let (standing, recent) = &state.places[place::index(source, self.partitions)];
        let bounds = Bounds { start: standing.start, end: standing.end };
        let from = from.max(bounds.start);
        if from >= bounds.end {
            return (bounds, Found::Nothing);
        }
        if recent.front().is_none_or(|first| first.base.0 > from.0) {
            return (bounds, Found::OnDisk);
        }
        let first = recent.partition_point(|batch| batch.next <= from);
        let mut bytes = 0;
        let batches = recent.range(first..).take_while(|batch| {
            let fits = bytes == 0 || bytes + batch.bytes.len() <= BATCH_BYTES;
            bytes += batch.bytes.len();
            fits
        });
        (bounds, Found::InMemory(batches.cloned().collect()))
    }

    /// Takes in what was committed, and wakes who waits for it.
    pub(super) fn append(&self, appended: Vec<(Source, Batch)>) {
        let mut state = self.lock();
        for (source, batch) in appended {
            let index = place::index(source, self.partitions);
            let (standing, recent) = &mut state.places[index];
            standing.end = batch.next;
            standing.stamped = batch.taken;
            standing.bytes += batch.bytes.len() as i64;
            let size = batch.bytes.len() + BATCH_OVERHEAD;
            recent.push_back(batch);
            state.held += size;
            state.order.push_back(index);
        }
        while state.held > self.limit {
            let Some(index) = state.order.pop_front() else { break };
            let batch = state.places[index].1.pop_front().expect("each entry of the order stands for a batch");
            state.held -= batch.bytes.len() + BATCH_OVERHEAD;
        }
        state.version += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Moves a partition's start up and its size down, after its front was removed or what it holds was compacted.
    pub(super) fn cut(&self, source: Source, start: NextOffset, removed_bytes: i64) {
        let mut state = self.lock();
        let standing = &mut state.places[place::index(source, self.partitions)].0;
        standing.start = start;
        standing.bytes -= removed_bytes;
    }

    /// Wakes everybody for a reason other than new records.
    pub(super) fn nudge(&self) {
        self.lock().version += 1;
        self.changed.notify_all();
    }

    /// A mark to wait from. What changes after it was taken is not slept through.
    pub(super) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Sleeps until something changed after the mark. `false` when the deadline came first.
    pub(super) fn wait(&self, seen: u64, deadline: Option<Instant>) -> bool {
        let mut state = self.lock();
        while state.version == seen {
            let expect = "nobody panics while holding the log's ends";
            state = match deadline {
                None => self.changed.wait(state).expect(expect),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.changed.wait_timeout(state, left).expect(expect).0
                }
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Layout;
    use super::*;
    use bytes::Bytes;
    use events::{Offset, Topic};

    const HITS: Source = Source { topic: Topic::Hits, partition: 0 };
    const LATE: Source = Source { topic: Topic::Late, partition: 0 };

    fn tail(limit: usize) -> Tail {
        let empty = Standing { start: NextOffset(0), end: NextOffset(0), stamped: Timestamp::MIN, bytes: 0 };
        Tail::new(1, limit, vec![empty; Topic::ALL.len()])
    }

    fn batch(base: i64, next: i64) -> Batch {
        let (base, next) = (Offset(base), NextOffset(next));
        Batch { base, next, taken: Timestamp::MIN, layout: Layout::Plain, bytes: Bytes::from(vec![0; 1000]) }
    }

    #[test]
    fn the_oldest_batches_leave_memory_first() {
        let tail = tail(2 * (1000 + BATCH_OVERHEAD));
        tail.append(vec![(HITS, batch(0, 5)), (LATE, batch(0, 1))]);
        tail.append(vec![(HITS, batch(5, 9))]);

        assert!(matches!(tail.find(HITS, NextOffset(4)).1, Found::OnDisk));
        let (bounds, found) = tail.find(HITS, NextOffset(7));
        assert_eq!(bounds.end, NextOffset(9));
        assert!(matches!(found, Found::InMemory(batches) if batches.len() == 1 && batches[0].base == Offset(5)));
        assert!(matches!(tail.find(LATE, NextOffset(0)).1, Found::InMemory(_)));
        assert!(matches!(tail.find(HITS, NextOffset(9)).1, Found::Nothing));
    }

    #[test]
    fn what_changes_between_the_mark_and_the_wait_is_not_slept_through() {
        let tail = tail(1 << 20);
        let seen = tail.version();
        tail.append(vec![(HITS, batch(0, 1))]);
        assert!(tail.wait(seen, None));
        assert!(!tail.wait(tail.version(), Some(Instant::now())));
    }
}
