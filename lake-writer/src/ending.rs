//! The end in sight: how far each partition is still read, and for how long.

use std::collections::BTreeMap;
use std::time::Instant;

use bus::{SharedBus, Source};
use events::NextOffset;
use service::Shutdown;

use crate::Error;
use crate::config::{Config, Stop};
use crate::partition::Partition;

/// What is still to be done before the loop ends.
pub(crate) struct Ending {
    /// How far each source is read.
    ends: BTreeMap<Source, NextOffset>,
    /// When reading stops, and when writing does; `None`: when all is done.
    until: Option<(Instant, Instant)>,
}

impl Ending {
    /// The end, if it has come in sight: what the topics hold now is still written.
    pub(crate) fn begins(
        config: &Config,
        bus: &SharedBus,
        partitions: &BTreeMap<Source, Partition>,
        shutdown: &Shutdown,
        now: Instant,
    ) -> Result<Option<Self>, Error> {
        let until = match &config.stop {
            Stop::OnShutdown if shutdown.is_cancelled() => Some((now + shutdown.drain() / 2, now + shutdown.drain())),
            Stop::AtEnd { upstream_finished } if upstream_finished.is_cancelled() => None,
            Stop::OnShutdown | Stop::AtEnd { .. } => return Ok(None),
        };
        let everything = Config::topics().len() * bus.partitions() as usize;
        if until.is_none() && partitions.len() < everything {
            return Ok(None);
        }
        let mut ends = BTreeMap::new();
        for (&source, partition) in partitions {
            let bounds = bus.bounds(source)?;
            partition.check_end(bounds.start, bounds.end)?;
            ends.insert(source, bounds.end);
        }
        Ok(Some(Self { ends, until }))
    }

    /// Whether a batch that has come so far is the source's last, and must be cut.
    pub(crate) fn cuts(&self, source: &Source, position: NextOffset, now: Instant) -> bool {
        let is_at_end = self.ends.get(source).is_some_and(|&end| position >= end);
        is_at_end || self.until.is_some_and(|(reading, _)| now >= reading)
    }

    /// Whether everything up to the end is committed.
    pub(crate) fn is_reached(&self, partitions: &BTreeMap<Source, Partition>) -> bool {
        let mut ours = self.ends.iter().filter_map(|(source, end)| Some((partitions.get(source)?, *end)));
        ours.all(|(partition, end)| partition.is_committed_to(end))
    }

    /// Whether there is no time left.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.until.is_some_and(|(_, writing)| now >= writing)
    }
}
