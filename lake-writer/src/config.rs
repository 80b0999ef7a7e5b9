//! What the lake-writer is told at its start.

use std::time::Duration;

use events::{Span, Topic};
use service::{Clock, LakeArgs, Shutdown, clock};
use tables::{Layout, Rolling, Table};

use crate::memory::Memory;

/// The group under which lake-writers share the partitions.
pub(crate) const GROUP: &str = "lake-writer";

/// How the lake-writer runs.
#[derive(Clone)]
pub struct Config {
    /// Names this member of the group for good, so that a restart moves no partition; `None`: one like any other.
    pub instance: Option<String>,
    /// How long a row waits for its file.
    pub flush: Flush,
    /// Size at which a file is cut, in bytes.
    pub target_file_size: usize,
    /// What all batches may take together, of all tables and partitions: gathering, encoded, or on their way.
    pub memory: usize,
    /// How old batch records are before they are folded into one: older than any lake-writer that may still come back.
    pub fold_after: Span,
    /// How files are laid out.
    pub layout: Layout,
    /// When it ends.
    pub stop: Stop,
    /// The wall clock; asked for how far a partition is complete in which nothing comes, and never for rows.
    pub clock: Clock,
}

/// How long a row waits for its file: shorter at first, so that somebody who tries it out sees rows at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flush {
    /// For how long after the start the first interval holds.
    pub early: Duration,
    /// The interval until then.
    pub early_interval: Duration,
    /// The interval from then on.
    pub interval: Duration,
}

/// When the lake-writer ends.
#[derive(Clone, Debug)]
pub enum Stop {
    /// When it is told to.
    OnShutdown,
    /// When everything is written that the topics hold once upstream has finished. Batches are cut by size alone,
    /// each partition having its share of the memory: the same log gives the same files.
    AtEnd {
        /// Cancelled by the caller when upstream will write nothing more.
        upstream_finished: Shutdown,
    },
}

impl Flush {
    /// The same interval from the start.
    pub const fn every(interval: Duration) -> Self {
        Self { early: Duration::ZERO, early_interval: interval, interval }
    }

    /// `up`'s: 5 s in the first five minutes, then 60 s.
    pub const fn lively() -> Self {
        Self {
            early: Duration::from_secs(300),
            early_interval: Duration::from_secs(5),
            interval: Duration::from_secs(60),
        }
    }

    /// The interval that holds this long after the start.
    pub fn after(self, running: Duration) -> Duration {
        if running < self.early { self.early_interval } else { self.interval }
    }
}

impl Config {
    /// The topics that it reads, one for each table.
    pub(crate) fn topics() -> Vec<Topic> {
        Table::ALL.map(Table::topic).to_vec()
    }

    /// The bound on what all batches take together.
    pub(crate) fn memory(&self) -> Memory {
        Memory(self.memory)
    }

    /// When a batch of this table is full. Live, any batch may take all there is, and the largest is cut when it is
    /// used up; in a bounded run each partition has a share of its own, so that what it does depends on its own
    /// records alone.
    pub(crate) fn rolling(&self, table: Table, partitions: u32) -> Rolling {
        let memory = match self.stop {
            Stop::OnShutdown => self.memory().for_gathering(),
            Stop::AtEnd { .. } => self.memory().for_gathering() / share(table) / partitions.max(1) as usize,
        };
        Rolling::new(self.target_file_size, memory)
    }
}

/// What part of the memory a table has in a bounded run: hits come most, and refusals hardly at all.
const fn share(table: Table) -> usize {
    match table {
        Table::Hits => 2,
        Table::Sessions => 4,
        Table::Late | Table::Rejected => 8,
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            instance: None,
            flush: Flush::every(LakeArgs::FLUSH_INTERVAL.to_std()),
            target_file_size: 128 << 20,
            memory: 512 << 20,
            fold_after: Span::from_hours(8 * 24),
            layout: Layout::default(),
            stop: Stop::OnShutdown,
            clock: clock::system(),
        }
    }
}

impl Config {
    /// What the flags say, over a log that keeps its records for so long.
    pub fn new(args: &LakeArgs, retention: Span) -> Self {
        let fold_after = retention.as_millis().saturating_add(args.longest_pause.as_millis());
        Self { fold_after: Span::from_millis(fold_after), ..Self::from(args) }
    }
}

impl From<&LakeArgs> for Config {
    fn from(args: &LakeArgs) -> Self {
        let default = Self::default();
        let flush = args.flush_interval.map_or(default.flush, |interval| Flush::every(interval.to_std()));
        Self {
            flush,
            target_file_size: args.target_file_size.as_usize(),
            memory: args.memory.as_usize(),
            layout: Layout { zstd_level: args.zstd_level, ..default.layout },
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_bounded_run_make_up_the_memory() {
        let whole = 8 * 5 * 1000;
        let used: usize = Table::ALL.into_iter().map(|table| whole / share(table)).sum();
        assert_eq!(used, whole);
    }

    #[test]
    fn the_first_rows_come_soon() {
        let flush = Flush::lively();
        assert_eq!(flush.after(Duration::from_secs(299)), Duration::from_secs(5));
        assert_eq!(flush.after(Duration::from_secs(300)), Duration::from_secs(60));
        assert_eq!(Flush::every(Duration::from_secs(7)).after(Duration::ZERO), Duration::from_secs(7));
    }
}
