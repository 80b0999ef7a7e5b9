//! The spool as its owner sees it: one thread that writes, and many who wait for it. Records that come while it syncs share
//! the next sync.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use events::Timestamp;
use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{self, BoxFuture};

use crate::disk::{Disk, Folder};
use crate::error::SpoolError;
use crate::frame::OVERHEAD;
use crate::ledger::Shared;
use crate::reader::{Cursor, Reader};
use crate::record::{MAX_RECORD_BYTES, Record, Seq};
use crate::recovery::{Found, recover};
use crate::writer::Writer;

/// What is written with one sync at most, unless a single call brings more.
const GROUP_BYTES: usize = 4 << 20;

/// Largest segment; smaller where the whole spool is, since room comes back by whole segments.
const SEGMENT_BYTES: u64 = 16 << 20;

/// How a spool is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder, which is made where there is none.
    pub folder: PathBuf,
    /// The most that it may take on disk, in bytes.
    pub capacity: u64,
    /// The most that may wait in memory to be written, in bytes.
    pub waiting: usize,
}

/// How much a spool holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Bytes on disk, and those that wait to be written.
    pub bytes: u64,
    /// Records that are not done with, those that wait to be written among them.
    pub records: u64,
    /// When the oldest of them was appended, or a little earlier; none where there is none.
    pub oldest: Option<Timestamp>,
}

/// Resolves when what was asked for is durable, or cannot be.
pub type Answer = BoxFuture<'static, Result<(), SpoolError>>;

/// A folder of records. Dropping it writes what waits, and gives the folder back.
#[derive(Debug)]
pub struct Spool {
    queue: Arc<Queue>,
    ledger: Shared,
    options: Options,
    writing: Option<JoinHandle<()>>,
    /// Held as long as the spool is open.
    _lock: File,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    appends: Vec<Append>,
    advance: Option<(Seq, Vec<Sender>)>,
    /// Of records that wait, or are being written.
    bytes: usize,
    records: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Append {
    records: Vec<Record>,
    time: Timestamp,
    bytes: usize,
    answer: Sender,
}

type Sender = oneshot::Sender<Result<(), SpoolError>>;

impl Options {
    /// A folder that may hold so many bytes, of which 32 MiB at most wait in memory.
    pub fn at(folder: impl Into<PathBuf>, capacity: u64) -> Self {
        Self { folder: folder.into(), capacity, waiting: 32 << 20 }
    }

    fn segment_bytes(&self) -> u64 {
        (self.capacity / 16).clamp(64 << 10, SEGMENT_BYTES)
    }
}

/// How often it is looked whether the lock is free, and the wait between two looks: whoever had it may be just ending, and a
/// process that it was just starting has a copy of its open files, the lock among them, until it runs.
const LOCK_LOOKS: u32 = 20;
const LOCK_WAIT: Duration = Duration::from_millis(10);

fn take(lock: &File) -> Result<(), TryLockError> {
    for _ in 1..LOCK_LOOKS {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
            taken_or_not => return taken_or_not,
        }
    }
    lock.try_lock()
}

impl Spool {
    /// Whether a folder was a spool before.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(crate::position::NAME).is_file()
    }

    /// Opens a folder, or makes it. Nobody else has it until the spool is dropped.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made, read or locked, or was written by a newer format.
    pub fn open(options: Options) -> Result<(Self, Reader, Found), SpoolError> {
        let shown = options.folder.display().to_string();
        let failed = |doing: &str, error: &std::io::Error| SpoolError::of(doing, &shown, error);
        let disk = Folder::make(&options.folder).map_err(|error| failed("make the folder", &error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(options.folder.join("lock"));
        let lock = lock.map_err(|error| failed("lock", &error))?;
        take(&lock).map_err(|error| match error {
            TryLockError::WouldBlock => SpoolError::InUse(shown.clone()),
            TryLockError::Error(error) => failed("lock", &error),
        })?;
        let recovered = recover(&disk)?;
        let ledger = Shared::new(recovered.ledger);
        let writer = Writer::new(disk.clone(), recovered.position, ledger.clone(), options.segment_bytes());
        let reader = Reader(Cursor::new(disk, ledger.clone()));
        let queue = Arc::new(Queue::default());
        let writing = std::thread::Builder::new().name("spool".to_owned()).spawn({
            let queue = queue.clone();
            move || queue.work(writer)
        });
        let writing = Some(writing.map_err(|error| failed("start a thread for", &error))?);
        Ok((Self { queue, ledger, options, writing, _lock: lock }, reader, recovered.found))
    }

    /// Takes records in, in the order of the calls; resolves when they are durable. On an error none of them is promised.
    /// The future may be dropped: the records may then stand or not.
    pub fn append(&self, records: Vec<Record>, now: Timestamp) -> Answer {
        if records.is_empty() {
            return future::ready(Ok(())).boxed();
        }
        if let Some(size) = records.iter().map(Record::size).find(|size| *size > MAX_RECORD_BYTES) {
            return future::ready(Err(SpoolError::TooLarge { size, limit: MAX_RECORD_BYTES })).boxed();
        }
        let bytes: usize = records.iter().map(|record| record.size() + OVERHEAD).sum();
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.queue.lock();
            let held = self.ledger.lock().bytes() + state.bytes as u64;
            let refusal = if state.is_closed {
                Some(SpoolError::Closed)
            } else if held + bytes as u64 > self.options.capacity {
                Some(SpoolError::Full { bytes: held, capacity: self.options.capacity })
            } else if state.bytes > 0 && state.bytes + bytes > self.options.waiting {
                Some(SpoolError::Busy(state.bytes))
            } else {
                None
            };
            if let Some(error) = refusal {
                return future::ready(Err(error)).boxed();
            }
            state.bytes += bytes;
            state.records += records.len() as u64;
            state.appends.push(Append { records, time: now, bytes, answer });
        }
        self.queue.changed.notify_one();
        when(answered)
    }

    /// Everything before the position is done with; resolves when that is durable. What a crash undoes of it is read again.
    pub fn advance(&self, to: Seq) -> Answer {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.queue.lock();
            let (upto, waiting) = state.advance.get_or_insert_default();
            *upto = (*upto).max(to);
            waiting.push(answer);
        }
        self.queue.changed.notify_one();
        when(answered)
    }

    /// How much it holds.
    pub fn standing(&self) -> Standing {
        // What is written moves from the one to the other while the first is held.
        let state = self.queue.lock();
        let ledger = self.ledger.lock();
        Standing {
            bytes: ledger.bytes() + state.bytes as u64,
            records: ledger.records() + state.records,
            oldest: ledger.oldest().or_else(|| state.appends.first().map(|append| append.time)),
        }
    }

    /// The most that it may hold, in bytes.
    pub fn capacity(&self) -> u64 {
        self.options.capacity
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.changed.notify_one();
        if let Some(writing) = self.writing.take() {
            // A panic there was said there.
            let _ = writing.join();
        }
    }
}

fn when(answered: oneshot::Receiver<Result<(), SpoolError>>) -> Answer {
    answered.map(|answer| answer.unwrap_or(Err(SpoolError::Closed))).boxed()
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits until the spool is closed and nothing waits any more.
    fn work<D: Disk>(&self, mut writer: Writer<D>) {
        loop {
            let (appends, advance) = {
                let mut state = self.lock();
                while state.appends.is_empty() && state.advance.is_none() {
                    if state.is_closed {
                        return;
                    }
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                (std::mem::take(&mut state.appends), state.advance.take())
            };
            let mut rest = appends.into_iter().peekable();
            while let Some(first) = rest.next() {
                let (mut group, mut bytes) = (vec![first], 0);
                bytes += group[0].bytes;
                while let Some(next) = rest.next_if(|next| bytes + next.bytes <= GROUP_BYTES) {
                    bytes += next.bytes;
                    group.push(next);
                }
                self.write(&mut writer, group);
            }
            // Room comes back last: it may be that of segments just written.
            if let Some((to, waiting)) = advance {
                let result = writer.advance(to);
                for answer in waiting {
                    // Whoever dropped the future does not want to know.
                    let _ = answer.send(result.clone());
                }
            }
        }
    }

    fn write<D: Disk>(&self, writer: &mut Writer<D>, group: Vec<Append>) {
        let records = group.iter().flat_map(|append| append.records.iter().map(move |record| (append.time, record)));
        let result = writer.append(records);
        {
            let mut state = self.lock();
            state.bytes -= group.iter().map(|append| append.bytes).sum::<usize>();
            state.records -= group.iter().map(|append| append.records.len() as u64).sum::<u64>();
        }
        for append in group {
            let _ = append.answer.send(result.clone());
        }
    }
}
