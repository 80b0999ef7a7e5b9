//! The lake that is read: its files as they stand at the start, then their hits by time.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec;

use anyhow::{Result, bail};
use events::{LogId, WindowSettings};
use lake::{Access, Lake, PastHits};
use tables::Day;
use tokio::runtime::Handle;
use xxhash_rust::xxh3::Xxh3;

use super::days::{Days, Window};
use super::sort::{Order, Sorted, Sorter};
use crate::replay::input::{InputError, Item, LineRecord};

/// Goes up whenever the same files and settings give other records than before.
const REVISION: u32 = 1;

/// A lake whose hits are read, and which of them.
pub struct Source {
    lake: Lake,
    past: PastHits,
    /// The days that are written.
    pub days: Days,
    window: Window,
    runtime: Handle,
    memory: usize,
}

impl Source {
    /// Opens the lake and lists the files of those days, and of as many more as it takes for sessions to be whole. Hits are
    /// sorted in about so many bytes of memory.
    pub fn survey(place: &str, days: Days, settings: &WindowSettings, memory: usize, runtime: &Handle) -> Result<Self> {
        let window = days.window(settings);
        let lake = runtime.block_on(Lake::open(place, Access::Read))?;
        let past = runtime.block_on(lake.past_hits(|day| window.touches(day)))?;
        if past.days().next().is_none() {
            bail!("{place} has no hits{}", if days.are_all() { "" } else { " on these days" });
        }
        Ok(Self { lake, past, days, window, runtime: runtime.clone(), memory })
    }

    /// The size of the files.
    pub fn bytes(&self) -> u64 {
        self.past.bytes()
    }

    /// The id of the log that a backfill makes: xxh3-128, seed 0, of everything that its records follow from. Where the lake
    /// lies is not among it; its files are, by name and size: what is in them follows from their names.
    pub fn log_id(&self, windows: &WindowSettings, partitions: u32) -> LogId {
        let WindowSettings { gap, lateness, max_session, max_hits, max_open_sessions } = windows;
        let mut hash = Xxh3::new();
        let mut line = format!(
            "backfill {REVISION}\n{}\npartitions {partitions}\ngap {gap}\nlateness {lateness}\nmax_session {max_session}\n\
             max_hits {max_hits}\nmax_open_sessions {max_open_sessions}\n",
            self.days.name(),
        );
        hash.update(line.as_bytes());
        for (path, size) in self.past.files() {
            line.clear();
            writeln!(line, "{path} {size}").expect("writing to memory does not fail");
            hash.update(line.as_bytes());
        }
        LogId::from_bits(hash.digest128())
    }

    /// Every hit as a record, by time. The sizes of files that were read are added to `bytes_read`.
    pub fn items(&self, bytes_read: &Arc<AtomicU64>) -> Items<'_> {
        let days: Vec<_> = self.past.days().collect();
        Items { source: self, days: days.into_iter(), day: None, bytes_read: bytes_read.clone() }
    }

    /// A day has a folder, so that one after the other is in order.
    fn read_day(&self, day: Day, bytes_read: &AtomicU64) -> Result<Sorted, InputError> {
        let mut sorter = Sorter::new(self.memory);
        let mut reading = self.lake.read_day(&self.past, day);
        while let Some(some) = self.runtime.block_on(reading.next())? {
            for hit in some.hits.iter().filter(|hit| self.window.contains(hit.time)) {
                let order =
                    Order { time: hit.time, log: some.log, partition: hit.partition, raw_offset: hit.raw_offset };
                sorter.push(order, &hit.key, &hit.value).map_err(InputError::Sort)?;
            }
            bytes_read.fetch_add(some.file_done, Ordering::Relaxed);
        }
        sorter.finish().map_err(InputError::Sort)
    }
}

/// The hits of a lake by time; one day of them is sorted at a time.
pub struct Items<'a> {
    source: &'a Source,
    days: vec::IntoIter<Day>,
    day: Option<Sorted>,
    bytes_read: Arc<AtomicU64>,
}

impl Iterator for Items<'_> {
    type Item = Result<Item, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(hit) = self.day.as_mut().and_then(Sorted::next) {
                let item = |hit: super::sort::Ordered| Item {
                    time: hit.order.time,
                    record: LineRecord::Hit { key: hit.key, value: hit.value },
                    is_ahead: false,
                };
                return Some(hit.map(item).map_err(InputError::Sort));
            }
            // A day's memory is given back before the next one takes as much.
            self.day = None;
            match self.source.read_day(self.days.next()?, &self.bytes_read) {
                Ok(day) => self.day = Some(day),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
