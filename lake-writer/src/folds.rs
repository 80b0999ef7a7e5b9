//! Folds the batch records that nobody can need one by one any more, now and then, beside the loop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::Source;
use events::Timestamp;
use lake::{Folded, Folding, Lake, LakeError, Series};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::report;

/// How often a chain's folder is looked at.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The chains that are ours, and when each is looked at next. One at a time: nobody waits for it.
pub(crate) struct Folds {
    runtime: Handle,
    lake: Lake,
    due: BTreeMap<Source, (Instant, Series)>,
    running: Option<(Series, JoinHandle<Result<Folded, LakeError>>)>,
}

impl Folds {
    pub(crate) fn new(runtime: Handle, lake: Lake) -> Self {
        Self { runtime, lake, due: BTreeMap::new(), running: None }
    }

    /// A chain is ours from now on.
    pub(crate) fn add(&mut self, source: Source, series: Series, now: Instant) {
        self.due.insert(source, (now, series));
    }

    /// A chain is no longer ours.
    pub(crate) fn remove(&mut self, source: Source) {
        self.due.remove(&source);
    }

    /// Whether there is a chain to look at, and nothing else is.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let is_free = self.running.as_ref().is_none_or(|(_, running)| running.is_finished());
        is_free && (self.running.is_some() || self.due.values().any(|(at, _)| *at <= now))
    }

    /// Goes on: takes in what came of the last chain, and begins the next with records from before that moment.
    ///
    /// # Errors
    ///
    /// A record that cannot be trusted, or is a newer build's.
    pub(crate) fn go_on(&mut self, now: Instant, before: Timestamp) -> Result<(), LakeError> {
        if let Some((series, running)) = self.running.take_if(|(_, running)| running.is_finished()) {
            match self.runtime.block_on(running).expect("folding does not panic, and the runtime outlives the loop") {
                Ok(Folded { batches: 0, removed: 0 }) => {}
                Ok(Folded { batches, removed }) => {
                    tracing::info!(%series, batches, removed, "folded old batch records");
                }
                Err(error) if error.may_pass() => {
                    report::failed(&error);
                    tracing::warn!(%series, %error, "old batch records are folded later");
                }
                Err(error) => return Err(error),
            }
        }
        let next = self.due.values_mut().find(|(at, _)| *at <= now).filter(|_| self.running.is_none());
        if let Some((at, series)) = next {
            *at = now + INTERVAL;
            let (lake, of) = (self.lake.clone(), series.clone());
            let running = self.runtime.spawn(async move { lake.fold(&of, &Folding::before(before)).await });
            self.running = Some((series.clone(), running));
        }
        Ok(())
    }
}
