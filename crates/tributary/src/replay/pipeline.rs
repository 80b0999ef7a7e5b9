//! The services of a replay: the same as live, each until its input has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow};
use bus::SharedBus;
use bus::embedded::EmbeddedBus;
use events::WindowSettings;
use service::{Health, Shutdown};
use sessionizer::Mode;
use tokio::runtime::Handle;

use super::args::ReplayArgs;
use super::input::files::Files;
use super::progress;
use super::publish::{PublishError, Publisher, Read};
use super::summary::Outcome;

/// What a replay runs on.
pub(super) struct Pipeline<'a> {
    pub(super) args: &'a ReplayArgs,
    pub(super) windows: WindowSettings,
    pub(super) lake: &'a str,
    pub(super) bus: EmbeddedBus,
    pub(super) runtime: Handle,
    pub(super) shutdown: Shutdown,
}

impl Pipeline<'_> {
    /// Runs everything to its end: the input, then the sessions, then the lake.
    pub(super) fn run(&self, files: &Files) -> Result<(Read, Outcome)> {
        let bus: SharedBus = Arc::new(self.bus.clone());
        std::thread::scope(|scope| {
            let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
            let sessions = named("sessionizer").spawn_scoped(scope, || self.sessionize(&bus))?;
            let read = self.publish(&bus, files);
            if read.is_err() {
                self.shutdown.cancel();
            }
            let sessions = sessions.join().map_err(|_| anyhow!("the sessionizer panicked"))?.context("sessionizer")?;
            let mut read = read?;
            if self.shutdown.is_cancelled() {
                return Err(PublishError::Stopped.into());
            }
            let counts = sessions.counts;
            // What the engine cannot read has been rejected after all.
            read.accepted -= counts.rejected;
            read.rejected += counts.rejected;
            let late = counts.late.iter().sum();
            Ok((read, Outcome { duplicates: counts.duplicates, late, sessions: counts.sessions, new_files: 0 }))
        })
    }

    fn publish(&self, bus: &SharedBus, files: &Files) -> Result<Read> {
        let bar = progress::replaying(files.bytes());
        let bytes_read = Arc::new(AtomicU64::new(0));
        let publisher = Publisher::new(bus.clone(), self.runtime.clone(), self.windows.lateness);
        let read = publisher.run(files.items(&bytes_read), || {
            bar.set_position(bytes_read.load(Ordering::Relaxed));
            self.shutdown.is_cancelled()
        });
        bar.finish_and_clear();
        Ok(read?)
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
