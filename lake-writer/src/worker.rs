//! The loop: polls records, lets partitions gather them, cuts and commits batches, and knows when to end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bus::{BusError, Group, Polled, SharedBus, Source, Step, Worker};
use events::{LogId, NextOffset};
use lake::{Lake, Series};
use service::{Readiness, Shutdown};
use tables::Table;
use tokio::runtime::Handle;

use crate::Error;
use crate::config::{Config, GROUP, Stop};
use crate::gathering::Gathering;
use crate::outage::Outage;
use crate::partition::{Around, Partition};
use crate::report::{self, Summary};

/// The longest time until the stop token is asked again.
const SLICE: Duration = Duration::from_millis(100);

/// One stay in the group: until told to stop, or until the bus fails.
pub(crate) fn run(
    config: &Config,
    bus: &SharedBus,
    lake: &Lake,
    runtime: &Handle,
    shutdown: &Shutdown,
    readiness: &Readiness,
    summary: &mut Summary,
) -> Result<(), Error> {
    let log_id = bus.log_id()?;
    let topics = Config::topics();
    let sources = topics.len() * bus.partitions() as usize;
    let group = Group { name: GROUP.to_owned(), instance: config.instance.clone(), topics };
    let around =
        Around { bus, lake, runtime, layout: config.layout, may_lie_ahead: matches!(config.stop, Stop::AtEnd { .. }) };
    let worker = bus.join(group)?;
    let (partitions, paused, outage) = (BTreeMap::new(), BTreeSet::new(), Outage::default());
    let started = Instant::now();
    let desk = Desk {
        config,
        around,
        log_id,
        sources,
        worker,
        partitions,
        paused,
        outage,
        readiness,
        summary,
        started,
        ending: None,
    };
    desk.run(shutdown)
}

/// Everything that the loop has before it.
struct Desk<'a> {
    config: &'a Config,
    around: Around<'a>,
    log_id: LogId,
    /// How many sources there are, whoever has them.
    sources: usize,
    worker: Box<dyn Worker>,
    partitions: BTreeMap<Source, Partition>,
    paused: BTreeSet<Source>,
    outage: Outage,
    readiness: &'a Readiness,
    summary: &'a mut Summary,
    started: Instant,
    ending: Option<Ending>,
}

/// The end is in sight.
struct Ending {
    /// How far each source is still read.
    ends: BTreeMap<Source, NextOffset>,
    /// When it is given up; `None`: never.
    deadline: Option<Instant>,
}

impl Desk<'_> {
    fn run(mut self, shutdown: &Shutdown) -> Result<(), Error> {
        loop {
            let now = Instant::now();
            self.call_store(now)?;
            self.look_for_the_end(shutdown, now)?;
            if self.is_done(shutdown, now)? {
                return Ok(());
            }
            if self.cut_what_must_be(now)? {
                continue;
            }
            self.steer()?;
            match self.worker.poll(self.timeout(now))? {
                Polled::Assigned(assigned) => {
                    for assignment in assigned {
                        let source = assignment.source;
                        let table = Table::of(source.topic).expect("only tables' topics are read");
                        let series = Series { table, log_id: self.log_id.clone(), partition: source.partition };
                        let rolling = self.config.rolling(table, self.around.bus.partitions());
                        self.partitions.insert(source, Partition::new(source, series, rolling));
                    }
                }
                Polled::Revoked(sources) => {
                    self.partitions.retain(|source, _| !sources.contains(source));
                    self.paused.retain(|source| !sources.contains(source));
                }
                Polled::Records { source, records, .. } => {
                    if let Some(partition) = self.partitions.get_mut(&source) {
                        partition.take(&records, &self.around, Instant::now())?;
                    }
                }
                Polled::Nothing => {}
            }
        }
    }

    /// Opens chains and commits batches, until none waits or the store fails.
    fn call_store(&mut self, now: Instant) -> Result<(), Error> {
        if !self.outage.allows(now) {
            return Ok(());
        }
        for (&source, partition) in &mut self.partitions {
            while partition.waits_for_store() {
                match partition.call_store(&self.around, self.summary) {
                    Ok(committed) => {
                        if self.outage.worked() {
                            tracing::info!("the lake's store is back");
                        }
                        if let Some(end) = committed {
                            commit_position(self.worker.as_mut(), source, end)?;
                        }
                    }
                    Err(Error::Lake(error)) if error.may_pass() => {
                        let wait = self.outage.failed(Instant::now());
                        report::failed(&error);
                        self.readiness.not_ready(error.to_string());
                        tracing::warn!(%error, "trying again in {wait:?}");
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.readiness.ready();
        Ok(())
    }

    /// Cuts batches that are due, that reach the end, or that are the largest while memory is short. Gives whether
    /// any was cut.
    fn cut_what_must_be(&mut self, now: Instant) -> Result<bool, Error> {
        let interval = self.interval(now);
        let is_late = self.ending.as_ref().and_then(|ending| ending.deadline).is_some_and(|deadline| now >= deadline);
        let mut cut = false;
        for (source, partition) in &mut self.partitions {
            let Some(gathering) = partition.gathering().filter(|gathering| gathering.may_be_cut()) else { continue };
            let end = self.ending.as_ref().and_then(|ending| ending.ends.get(source));
            let is_at_end = end.is_some_and(|&end| gathering.position() >= end);
            let is_due = interval.and_then(|interval| gathering.due_at(interval)).is_some_and(|due| due <= now);
            if is_late || is_at_end || is_due {
                partition.cut(&self.around)?;
                cut = true;
            }
        }
        Ok(cut || self.cut_the_largest()?)
    }

    /// Cuts the largest batch where all of them together take more memory than they may. A batch that is cut is
    /// encoded, so it takes a fraction from then on, and its partition is paused until it is committed.
    fn cut_the_largest(&mut self) -> Result<bool, Error> {
        let gathered = self.partitions.values().filter_map(Partition::gathering).map(Gathering::bytes).sum();
        report::gathered(gathered);
        if gathered <= self.config.memory {
            return Ok(false);
        }
        let sizes = self.partitions.iter_mut().filter_map(|(_, partition)| {
            let bytes = partition.gathering().filter(|gathering| gathering.may_be_cut())?.bytes();
            Some((bytes, partition))
        });
        match sizes.max_by_key(|(bytes, _)| *bytes) {
            Some((_, largest)) => largest.cut(&self.around).map(|()| true).map_err(Error::from),
            None => Ok(false),
        }
    }

    /// How old a batch may become; by size alone where a bounded run must give the same files each time.
    fn interval(&self, now: Instant) -> Option<Duration> {
        match self.config.stop {
            Stop::OnShutdown => Some(self.config.flush.after(now - self.started)),
            Stop::AtEnd { .. } => None,
        }
    }

    /// Tells the bus which partitions to read, and from where.
    fn steer(&mut self) -> Result<(), Error> {
        for (&source, partition) in &mut self.partitions {
            if partition.waits_for_store() {
                if self.paused.insert(source) {
                    self.worker.pause(source)?;
                }
                continue;
            }
            if let Some(position) = partition.seek() {
                self.worker.seek(source, position)?;
            }
            if self.paused.remove(&source) {
                self.worker.resume(source)?;
            }
        }
        Ok(())
    }

    fn timeout(&self, now: Instant) -> Duration {
        let interval = self.interval(now);
        let dues = self.partitions.values().filter_map(|partition| partition.gathering()?.due_at(interval?));
        let next = dues.chain(self.outage.over_at()).min();
        next.map_or(SLICE, |next| next.saturating_duration_since(now).min(SLICE))
    }

    /// Notices that there is an end, and fixes how far each source is still read.
    fn look_for_the_end(&mut self, shutdown: &Shutdown, now: Instant) -> Result<(), Error> {
        if self.ending.is_some() {
            return Ok(());
        }
        let deadline = match &self.config.stop {
            Stop::OnShutdown if shutdown.is_cancelled() => Some(now + self.config.drain),
            Stop::AtEnd { upstream_finished } if upstream_finished.is_cancelled() => None,
            Stop::OnShutdown | Stop::AtEnd { .. } => return Ok(()),
        };
        if deadline.is_none() && self.partitions.len() < self.sources {
            return Ok(());
        }
        self.around.may_lie_ahead = false;
        let mut ends = BTreeMap::new();
        for (&source, partition) in &self.partitions {
            let bounds = self.around.bus.bounds(source)?;
            partition.check_end(bounds.start, bounds.end)?;
            ends.insert(source, bounds.end);
        }
        self.ending = Some(Ending { ends, deadline });
        Ok(())
    }

    /// Whether there is nothing left to do, or no time left to do it.
    fn is_done(&mut self, shutdown: &Shutdown, now: Instant) -> Result<bool, Error> {
        let is_bounded = matches!(self.config.stop, Stop::AtEnd { .. });
        if is_bounded && shutdown.is_cancelled() {
            // Not even a flush: it would cut where no other run of the same replay does.
            return Ok(true);
        }
        let Some(ending) = &self.ending else { return Ok(false) };
        let mut sources = ending.ends.iter().filter_map(|(source, end)| Some((self.partitions.get(source)?, *end)));
        if sources.all(|(partition, end)| partition.is_committed_to(end)) {
            self.summary.is_complete = true;
            return Ok(true);
        }
        if ending.deadline.is_none_or(|deadline| now < deadline) {
            return Ok(false);
        }
        self.cut_what_must_be(now)?;
        self.call_store(now)?;
        tracing::warn!("no time left: what is not in the lake yet is written at the next start");
        Ok(true)
    }
}

/// Says in the group how far the partition is in the lake. It places work and shows the lag, no more; the chain is
/// the position. So one that fails is not worth a stop, unless it says that somebody else has our place.
fn commit_position(worker: &mut dyn Worker, source: Source, end: NextOffset) -> Result<(), BusError> {
    match worker.commit(Step { outputs: &[], positions: &[(source, end)] }) {
        Err(error @ (BusError::Unavailable(_) | BusError::Full(_))) => {
            tracing::warn!(%source, %error, "the group's position stays behind the lake's");
            Ok(())
        }
        other => other,
    }
}
