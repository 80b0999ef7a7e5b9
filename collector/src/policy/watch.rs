//! Reads the file of the sites and the database of places anew, when they change and when somebody asks for it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use service::Shutdown;
use service::metrics::{PLACES_READ, PLACES_STALE, SITES_READ, SITES_STALE};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::places::PlacesFile;
use super::{Policy, file};
use crate::stamp::stamp;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A policy whose files will be followed: it hears already who asks for a reading.
pub struct Following {
    policy: Policy,
    /// None where there is no file: SIGHUP ends such a process, as it ends any other.
    asked: Option<Signal>,
}

impl Policy {
    /// Begins to hear SIGHUP, where there is a file to follow. From here on the signal ends nobody, so that this comes before
    /// the process says that it is up: who reads that may ask at once.
    ///
    /// # Errors
    ///
    /// Where signals cannot be heard.
    pub fn following(self) -> io::Result<Following> {
        let has_files = self.file.is_some() || self.places.is_some();
        let asked = if has_files { Some(signal(SignalKind::hangup())?) } else { None };
        Ok(Following { policy: self, asked })
    }

    /// Follows the files until it is told to stop. What cannot be used changes nothing: log and metric say so.
    async fn follow(self, mut asked: Signal, stop: Shutdown) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The sites are read once more at the start: they may have changed since they were opened.
        let (mut sites, mut places) = (None, self.places.as_ref().map(|places| places.opened));
        metrics::gauge!(SITES_STALE).set(0);
        metrics::gauge!(PLACES_STALE).set(0);
        loop {
            let is_asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = asked.recv() => true,
                _ = look.tick() => false,
            };
            // The state before the reading: a change in between is seen at the next look, as is a schema that is named anew.
            if let Some(path) = &self.file {
                let now = Some(file::stamps(path, &self.rules()));
                if is_asked || sites != now {
                    let is_first = sites.is_none();
                    sites = now;
                    self.read_sites(path, is_first).await;
                }
            }
            if let Some(file) = &self.places {
                let now = Some(stamp(file.path()));
                if is_asked || places != now {
                    places = now;
                    read_places(file).await;
                }
            }
        }
    }

    async fn read_sites(&self, path: &Arc<PathBuf>, is_first: bool) {
        let place = path.clone();
        let read = tokio::task::spawn_blocking(move || file::read(&place)).await;
        match read {
            Ok(Ok(rules)) => {
                let sites = rules.sites().iter().count();
                self.rules.store(Arc::new(rules));
                metrics::gauge!(SITES_STALE).set(0);
                metrics::counter!(SITES_READ, "result" => "used").increment(1);
                if !is_first {
                    tracing::info!(sites, file = %Path::display(path), "the file of sites was read anew");
                }
            }
            Ok(Err(error)) => {
                metrics::gauge!(SITES_STALE).set(1);
                metrics::counter!(SITES_READ, "result" => "refused").increment(1);
                tracing::error!(%error, "the file of sites cannot be used; what it said before holds");
            }
            // Only where the process ends.
            Err(_) => {}
        }
    }
}

impl Following {
    /// Follows the files until it is told to stop.
    pub async fn run(self, stop: Shutdown) {
        match self.asked {
            Some(asked) => self.policy.follow(asked, stop).await,
            None => stop.cancelled().await,
        }
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("policy", &self.policy).finish_non_exhaustive()
    }
}

async fn read_places(file: &Arc<PlacesFile>) {
    let again = file.clone();
    match tokio::task::spawn_blocking(move || again.read_anew()).await {
        Ok(Ok(())) => {
            metrics::gauge!(PLACES_STALE).set(0);
            metrics::counter!(PLACES_READ, "result" => "used").increment(1);
            tracing::info!(file = %file.path().display(), "the database of places was read anew");
        }
        Ok(Err(error)) => {
            metrics::gauge!(PLACES_STALE).set(1);
            metrics::counter!(PLACES_READ, "result" => "refused").increment(1);
            tracing::error!(%error, "the database of places cannot be used; the one before it goes on");
        }
        // Only where the process ends.
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests;
