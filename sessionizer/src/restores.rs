//! Restores that are under way, each on a thread of its own, while the worker goes on with the partitions that it has.

use std::collections::{BTreeMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use bus::{Assignment, BusError, SharedBus};

use crate::Error;
use crate::config::Config;
use crate::progress::Progress;
use crate::restore::{Restored, restore};

/// As many at once as there are cores to do them: each holds records that the finished one does without (P6).
fn at_once() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

pub(crate) struct Restores {
    config: Config,
    bus: SharedBus,
    at_once: usize,
    waiting: VecDeque<Assignment>,
    running: BTreeMap<u32, Running>,
}

struct Running {
    assignment: Assignment,
    progress: Progress,
    is_cancelled: Arc<AtomicBool>,
    thread: JoinHandle<Result<Option<Restored>, Error>>,
}

impl Restores {
    pub(crate) fn new(config: &Config, bus: &SharedBus) -> Self {
        let (config, bus) = (config.clone(), bus.clone());
        Self { config, bus, at_once: at_once(), waiting: VecDeque::new(), running: BTreeMap::new() }
    }

    /// Restores a partition that became ours, as soon as it is its turn.
    pub(crate) fn begin(&mut self, assignment: Assignment) {
        self.waiting.push_back(assignment);
    }

    /// A partition is not ours any more. Its thread ends by itself, and nobody hears of it.
    pub(crate) fn cancel(&mut self, partition: u32) {
        self.waiting.retain(|assignment| assignment.source.partition != partition);
        if let Some(running) = self.running.remove(&partition) {
            running.is_cancelled.store(true, Ordering::Release);
        }
    }

    /// Whether nothing is to be restored.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// A partition that is restored by now. Begins the next ones. Does not wait.
    pub(crate) fn next_done(&mut self) -> Result<Option<(Assignment, Restored)>, Error> {
        let done = self.running.iter().find(|(_, running)| running.thread.is_finished()).map(|(&number, _)| number);
        let done = done.and_then(|number| self.running.remove(&number));
        // One that waits for somebody else keeps nobody back.
        while self.running.values().filter(|running| running.progress.stuck().is_none()).count() < self.at_once
            && let Some(assignment) = self.waiting.pop_front()
        {
            let running = self.start(assignment)?;
            self.running.insert(assignment.source.partition, running);
        }
        let Some(Running { assignment, thread, .. }) = done else { return Ok(None) };
        let restored = thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(restored.map(|restored| (assignment, restored)))
    }

    fn start(&self, assignment: Assignment) -> Result<Running, Error> {
        let partition = assignment.source.partition;
        let progress = Progress::begin(partition);
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name(format!("restore {partition}")).spawn({
            let (config, bus, mut progress) = (self.config.clone(), self.bus.clone(), progress.clone());
            let is_cancelled = is_cancelled.clone();
            move || {
                let is_cancelled = || is_cancelled.load(Ordering::Acquire);
                let restored = restore(&config, &bus, assignment, &mut progress, &is_cancelled);
                if !matches!(restored, Ok(Some(_))) {
                    progress.give_up();
                }
                restored
            }
        });
        let thread = thread.map_err(|error| BusError::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(Running { assignment, progress, is_cancelled, thread })
    }

    /// What is being restored, in words; `None` where nothing is.
    pub(crate) fn report(&self) -> Option<String> {
        if self.is_idle() {
            return None;
        }
        let left = |running: &Running| {
            let (partition, progress) = (running.assignment.source.partition, &running.progress);
            match progress.stuck() {
                Some(why) => format!("{partition} ({why})"),
                None => format!("{partition} ({} offsets left)", progress.left()),
            }
        };
        let running: Vec<_> = self.running.values().map(left).collect();
        let waiting = match self.waiting.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!("restoring partition {}{waiting}", running.join(", ")))
    }
}

impl Drop for Restores {
    fn drop(&mut self) {
        // They only read: whoever starts anew need not wait for them.
        self.running.values().for_each(|running| running.is_cancelled.store(true, Ordering::Release));
    }
}
