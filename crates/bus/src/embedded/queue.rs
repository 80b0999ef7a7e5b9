//! What waits for the writer: bounded, and taken in groups.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, mpsc};
use std::time::Instant;

use events::{NextOffset, Timestamp};
use futures::channel::oneshot;

use super::batch::Segment;
use crate::{BusError, Source};

/// One transaction takes no more than this, so that it stays short and the write-ahead log small.
const GROUP_BYTES: usize = 16 << 20;

/// What one request costs beside its records' bytes.
const REQUEST_OVERHEAD: usize = 256;

/// Something for the writer to do.
pub(super) struct Request {
    pub(super) work: Work,
    pub(super) answer: Answer,
}

pub(super) enum Work {
    /// Append records and move a group's positions, both or neither.
    Append { segments: Vec<Segment>, positions: Option<Positions> },
    /// Remove what is too old or too much.
    Retain { now: Timestamp },
}

/// The positions that a step reached.
pub(super) struct Positions {
    pub(super) group: String,
    pub(super) list: Vec<(Source, NextOffset)>,
}

/// Whom to tell how it went. Dropped without a word, it tells that the bus was closed.
pub(super) enum Answer {
    Task(oneshot::Sender<Result<(), BusError>>),
    Thread(mpsc::SyncSender<Result<(), BusError>>),
}

impl Answer {
    pub(super) fn send(self, result: Result<(), BusError>) {
        // Who asked may have gone away; the work is done all the same.
        match self {
            Self::Task(sender) => drop(sender.send(result)),
            Self::Thread(sender) => drop(sender.send(result)),
        }
    }
}

impl Request {
    /// Whether it came by [`Queue::offer`].
    fn is_published(&self) -> bool {
        matches!(self.answer, Answer::Task(_))
    }

    fn size(&self) -> usize {
        match &self.work {
            Work::Append { segments, .. } => segments.iter().map(|s| s.bytes.len()).sum::<usize>() + REQUEST_OVERHEAD,
            Work::Retain { .. } => REQUEST_OVERHEAD,
        }
    }
}

/// What the writer finds when it looks.
pub(super) enum Next {
    /// Requests to be answered by one commit.
    Group(Vec<Request>),
    /// Nothing came before the deadline.
    Idle,
    /// The bus is closed and everything was answered.
    Closed,
}

pub(super) struct Queue {
    limit: usize,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    /// The size of all that waits.
    bytes: usize,
    /// Of that, what the limit is for.
    published: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), filled: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the queue")
    }

    /// Puts a publisher's request in, unless the queue is full.
    pub(super) fn offer(&self, request: Request) -> Result<(), BusError> {
        self.put(request)
    }

    /// Puts a request in whose sender waits for it. Each worker has one at most, which is bound enough; nor does it
    /// take room away from publishers, who would be refused for as long as a large checkpoint waits.
    pub(super) fn push(&self, request: Request) -> Result<(), BusError> {
        self.put(request)
    }

    fn put(&self, request: Request) -> Result<(), BusError> {
        let size = request.size();
        let is_published = request.is_published();
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        // One request over the limit may pass when nothing else waits; otherwise it never could.
        if is_published && state.published > 0 && state.published.saturating_add(size) > self.limit {
            return Err(BusError::Unavailable(format!("{} bytes wait for the disk already", state.published)));
        }
        state.bytes += size;
        state.published += if is_published { size } else { 0 };
        state.requests.push_back(request);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// The size of what waits.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Takes what waits, up to the size of a transaction, in the order in which it came.
    pub(super) fn take(&self, deadline: Instant) -> Next {
        let mut state = self.lock();
        while state.requests.is_empty() {
            if state.closed {
                return Next::Closed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Idle;
            }
            state = self.filled.wait_timeout(state, left).expect("nobody panics while holding the queue").0;
        }
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(request) = state.requests.front() {
            let (size, is_published) = (request.size(), request.is_published());
            if !group.is_empty() && bytes + size > GROUP_BYTES {
                break;
            }
            bytes += size;
            state.published -= if is_published { size } else { 0 };
            group.extend(state.requests.pop_front());
        }
        state.bytes -= bytes;
        Next::Group(group)
    }

    /// Takes no more requests. The writer answers those that wait and ends.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }
}

/// Closes the queue when the writer ends, in order or by a panic: nobody may wait for a writer that is gone.
pub(super) struct ClosedWithWriter<'a>(pub(super) &'a Queue);

impl Drop for ClosedWithWriter<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.requests.clear();
    }
}

/// The answer to everybody after the end.
pub(super) fn closed() -> BusError {
    BusError::Unavailable("the bus is closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Topic;

    fn request(bytes: usize) -> Request {
        let source = Source { topic: Topic::Hits, partition: 0 };
        let segment = Segment { source, count: 1, timed: false, bytes: vec![0; bytes] };
        let (sender, _) = oneshot::channel();
        Request { work: Work::Append { segments: vec![segment], positions: None }, answer: Answer::Task(sender) }
    }

    fn step(bytes: usize) -> Request {
        Request { answer: Answer::Thread(mpsc::sync_channel(1).0), ..request(bytes) }
    }

    #[test]
    fn a_full_queue_refuses_publishers_and_takes_them_again_when_it_was_emptied() {
        let queue = Queue::new(10_000);
        queue.offer(request(9000)).unwrap();
        assert!(matches!(queue.offer(request(2000)), Err(BusError::Unavailable(_))));
        queue.push(step(2000)).unwrap();
        assert!(matches!(queue.take(Instant::now()), Next::Group(group) if group.len() == 2));
        assert_eq!(queue.bytes(), 0);
        queue.offer(request(20_000)).unwrap();
    }

    #[test]
    fn a_step_that_waits_takes_no_room_from_publishers() {
        let queue = Queue::new(10_000);
        queue.push(step(1_000_000)).unwrap();
        queue.offer(request(9000)).unwrap();
        assert!(matches!(queue.offer(request(2000)), Err(BusError::Unavailable(_))));
    }

    #[test]
    fn one_group_is_bounded_and_keeps_the_order() {
        let queue = Queue::new(usize::MAX);
        for size in [GROUP_BYTES / 2, GROUP_BYTES / 4, GROUP_BYTES / 2] {
            queue.offer(request(size)).unwrap();
        }
        let sizes = |next| match next {
            Next::Group(group) => group.iter().map(|r| r.size() - REQUEST_OVERHEAD).collect(),
            _ => Vec::new(),
        };
        assert_eq!(sizes(queue.take(Instant::now())), [GROUP_BYTES / 2, GROUP_BYTES / 4]);
        assert_eq!(sizes(queue.take(Instant::now())), [GROUP_BYTES / 2]);
        assert!(matches!(queue.take(Instant::now()), Next::Idle));
    }

    #[test]
    fn nobody_waits_for_a_writer_that_is_gone() {
        let queue = Queue::new(usize::MAX);
        let (sender, receiver) = mpsc::sync_channel(1);
        queue.push(Request { work: Work::Retain { now: Timestamp::MIN }, answer: Answer::Thread(sender) }).unwrap();
        drop(ClosedWithWriter(&queue));
        assert!(receiver.recv().is_err());
        assert_eq!(queue.offer(request(1)), Err(closed()));
    }

    #[test]
    fn what_waits_at_the_end_is_still_handed_out() {
        let queue = Queue::new(usize::MAX);
        queue.offer(request(1)).unwrap();
        queue.close();
        assert!(queue.offer(request(1)).is_err());
        assert!(matches!(queue.take(Instant::now()), Next::Group(_)));
        assert!(matches!(queue.take(Instant::now()), Next::Closed));
    }
}
