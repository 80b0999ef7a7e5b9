//! The services of a replay: the same as live, each until its input has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use bus::SharedBus;
use events::{LogId, Timestamp, WindowSettings};
use lake::Lake;
use lake_writer::Stop;
use service::{Health, Shutdown};
use sessionizer::Mode;
use tokio::runtime::Handle;

use super::args::ReplayArgs;
use super::backfill::{KeptDays, Outside};
use super::latest::Latest;
use super::progress;
use super::publish::{PublishError, Publisher, Read};
use super::summary::Outcome;
use super::what::What;

/// What a replay runs on.
pub(super) struct Pipeline<'a> {
    pub(super) args: &'a ReplayArgs,
    pub(super) windows: WindowSettings,
    pub(super) lake: Lake,
    pub(super) log_id: LogId,
    pub(super) now: Timestamp,
    pub(super) bus: SharedBus,
    pub(super) runtime: Handle,
    pub(super) shutdown: Shutdown,
}

impl Pipeline<'_> {
    /// Runs everything to its end: the input, then the sessions, then the lake.
    pub(super) fn run(&self, what: &What) -> Result<(Read, Outcome)> {
        let bus = self.bus.clone();
        let outside = Arc::new(Outside::default());
        let kept: SharedBus = match what.days() {
            Some(days) => Arc::new(KeptDays::new(bus.clone(), days, outside.clone())),
            None => bus.clone(),
        };
        let topics_are_final = Shutdown::new();
        std::thread::scope(|scope| {
            let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
            let sessions = named("sessionizer").spawn_scoped(scope, || self.sessionize(&kept))?;
            let written = named("lake-writer").spawn_scoped(scope, || self.write(&bus, &topics_are_final))?;

            let read = self.publish(&bus, what);
            if read.is_err() {
                self.shutdown.cancel();
            }
            let bar = progress::finishing();
            let sessions = sessions.join();
            topics_are_final.cancel();
            let written = written.join();
            bar.finish_and_clear();

            // Who stops the others is asked first: what they say is that they were stopped.
            let written = written.map_err(|_| anyhow!("the lake-writer panicked"))??;
            let sessions = sessions.map_err(|_| anyhow!("the sessionizer panicked"))??;
            let read = read?;
            if self.shutdown.is_cancelled() || !written.is_complete {
                return Err(PublishError::Stopped.into());
            }
            Ok(outcome(read, &sessions.counts, &outside, &written))
        })
    }

    fn publish(&self, bus: &SharedBus, what: &What) -> Result<Read> {
        let bar = progress::replaying(what.bytes());
        let bytes_read = Arc::new(AtomicU64::new(0));
        let publisher = Publisher::new(bus.clone(), self.runtime.clone(), self.windows.lateness);
        let latest = Latest::find(&self.lake, &self.log_id, self.now, &self.runtime)?;
        let items = what.items(latest.time(), &bytes_read)?;
        let read = publisher.run(latest.keep(items), || {
            bar.set_position(bytes_read.load(Ordering::Relaxed));
            self.shutdown.is_cancelled()
        });
        bar.finish_and_clear();
        Ok(read?)
    }

    fn write(&self, bus: &SharedBus, topics_are_final: &Shutdown) -> Result<lake_writer::Summary, lake_writer::Error> {
        let config = lake_writer::Config {
            stop: Stop::AtEnd { upstream_finished: topics_are_final.clone() },
            ..(&self.args.lake).into()
        };
        let result = lake_writer::run(&config, bus, &self.lake, &self.runtime, &self.shutdown, &Health::default());
        if result.is_err() {
            self.shutdown.cancel();
        }
        result
    }

    fn sessionize(&self, bus: &SharedBus) -> Result<sessionizer::Summary, sessionizer::Error> {
        let config = sessionizer::Config { mode: Mode::Bounded, settings: self.windows, ..(&self.args.windows).into() };
        let result = sessionizer::run(&config, bus, &self.shutdown, &Health::default());
        if result.is_err() {
            self.shutdown.cancel();
        }
        result
    }
}

fn outcome(
    mut read: Read,
    counts: &sessions::Counts,
    outside: &Outside,
    written: &lake_writer::Summary,
) -> (Read, Outcome) {
    // What the engine cannot read has been rejected after all.
    read.accepted -= counts.rejected;
    read.rejected += counts.rejected;
    let outcome = Outcome {
        duplicates: counts.duplicates,
        late: counts.late.iter().sum::<u64>() - outside.late.load(Ordering::Relaxed),
        sessions: counts.sessions - outside.sessions.load(Ordering::Relaxed),
        outside: outside.hits.load(Ordering::Relaxed) + outside.late.load(Ordering::Relaxed),
        new_files: written.tables.values().map(|table| table.files).sum(),
        skipped: written.tables.values().map(|table| table.skipped).sum(),
    };
    (read, outcome)
}
