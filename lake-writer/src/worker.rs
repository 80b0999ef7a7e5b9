//! The loop: polls records, lets partitions gather them, cuts batches, has them committed, and knows when to end.

mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use bus::{Assignment, BusError, Group, Polled, SharedBus, Source, Step, Worker};
use events::{LogId, NextOffset};
use lake::{Lake, Series};
use service::{Readiness, Shutdown};
use tables::Table;
use tokio::runtime::Handle;

use crate::Error;
use crate::config::{Config, GROUP, Stop};
use crate::ending::Ending;
use crate::folds::Folds;
use crate::job::{Jobs, Report};
use crate::log::Log;
use crate::marks::Marks;
use crate::memory::{self, Load};
use crate::outage::Outage;
use crate::partition::{Moved, Partition};
use crate::report::{self, Summary};

/// The longest time until the stop token is asked again.
const SLICE: Duration = Duration::from_millis(100);

/// The longest time until a job's report is read while there may be records to poll.
const JOB_SLICE: Duration = Duration::from_millis(5);

/// How long a group may take to give a member its part. Who has none by then waits to take one over.
const JOINING: Duration = Duration::from_secs(10);

/// The most jobs at once: batches that are encoded or have a few files on their way each.
const JOBS: usize = 8;

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
    let group =
        Group { name: GROUP.to_owned(), instance: config.instance.clone(), topics: Config::topics(), produces: false };
    let worker = bus.join(group)?;
    let (sender, reports) = mpsc::channel();
    let jobs = Jobs::new(runtime.clone(), lake.clone(), config.layout, sender).map_err(Error::Thread)?;
    let now = Instant::now();
    let interval = config.flush.after(Duration::ZERO);
    let marks = Marks::new(runtime.clone(), lake.clone(), log_id.clone(), bus.partitions(), interval, now);
    let is_bounded = matches!(config.stop, Stop::AtEnd { .. });
    let desk = Desk {
        config,
        log: Log { bus, is_made_anew: is_bounded, may_lie_ahead: is_bounded },
        log_id,
        worker,
        partitions: BTreeMap::new(),
        given: 0,
        paused: BTreeSet::new(),
        jobs,
        marks,
        folds: Folds::new(runtime.clone(), lake.clone()),
        reports,
        running: 0,
        outage: Outage::default(),
        readiness,
        summary,
        started: now,
        is_new: true,
        ending: None,
    };
    desk.run(shutdown)
}

/// Everything that the loop has before it.
struct Desk<'a> {
    config: &'a Config,
    log: Log<'a>,
    log_id: LogId,
    worker: Box<dyn Worker>,
    partitions: BTreeMap<Source, Partition>,
    /// How many partitions were given to us so far.
    given: u64,
    paused: BTreeSet<Source>,
    jobs: Jobs,
    marks: Marks,
    folds: Folds,
    reports: Receiver<Report>,
    /// Jobs whose reports are still to come.
    running: usize,
    outage: Outage,
    readiness: &'a Readiness,
    summary: &'a mut Summary,
    started: Instant,
    /// Until it has its part in the group.
    is_new: bool,
    ending: Option<Ending>,
}

impl Desk<'_> {
    fn run(mut self, shutdown: &Shutdown) -> Result<(), Error> {
        loop {
            while let Ok(report) = self.reports.try_recv() {
                self.read(report)?;
            }
            let now = Instant::now();
            if self.is_over(shutdown, now)? {
                return self.say_all(now);
            }
            self.mark(now)?;
            self.fold(now)?;
            self.cut_what_must_be(now);
            self.start_jobs(now);
            self.steer()?;
            let polled = self.poll(now)?;
            self.welcome(&polled, now);
            match polled {
                Polled::Assigned(assigned) => assigned.into_iter().for_each(|assignment| self.accept(assignment)),
                Polled::Revoked(sources) => {
                    sources.iter().for_each(|source| self.folds.remove(*source));
                    self.partitions.retain(|source, _| !sources.contains(source));
                    self.paused.retain(|source| !sources.contains(source));
                }
                Polled::Records { source, records, .. } => {
                    if let Some(partition) = self.partitions.get_mut(&source) {
                        partition.take(&records, &self.log, Instant::now())?;
                    }
                }
                Polled::End { source, position } => {
                    if let Some(partition) = self.partitions.get_mut(&source) {
                        partition.read_to(position);
                    }
                }
                Polled::Nothing => {}
            }
        }
    }

    /// Who polls and hears nothing may not be in the group yet.
    fn welcome(&mut self, polled: &Polled, now: Instant) {
        let is_in = !matches!(polled, Polled::Nothing) || now.duration_since(self.started) >= JOINING;
        if is_in && std::mem::take(&mut self.is_new) && !self.outage.is_away() {
            self.readiness.ready();
        }
    }

    fn accept(&mut self, assignment: Assignment) {
        let source = assignment.source;
        let table = Table::of(source.topic).expect("only tables' topics are read");
        let series = Series { table, log_id: self.log_id.clone(), partition: source.partition };
        let rolling = self.config.rolling(table, self.log.bus.partitions());
        self.given += 1;
        self.folds.add(source, series.clone(), Instant::now());
        self.partitions.insert(source, Partition::new(assignment, series, self.given, rolling));
    }

    /// Waits for records. Where nobody takes any, waits for a job instead and only stays in touch with the bus.
    fn poll(&mut self, now: Instant) -> Result<Polled, Error> {
        let wait = self.timeout(now);
        if self.running == 0 {
            return Ok(self.worker.poll(wait)?);
        }
        if self.paused.len() < self.partitions.len() {
            return Ok(self.worker.poll(wait.min(JOB_SLICE))?);
        }
        if let Ok(report) = self.reports.recv_timeout(wait) {
            self.read(report)?;
        }
        Ok(self.worker.poll(Duration::ZERO)?)
    }

    /// Goes on with what a job reports.
    fn read(&mut self, report: Report) -> Result<(), Error> {
        self.running -= 1;
        let partition = self.partitions.get_mut(&report.source);
        let Some(partition) = partition.filter(|partition| partition.number() == report.number) else { return Ok(()) };
        match partition.move_on(report.outcome, &self.log, self.summary)? {
            Moved::On(reached) => {
                if self.outage.worked() {
                    tracing::info!("the lake's store is back");
                    self.readiness.ready();
                }
                if let Some(mark) = reached {
                    commit_position(self.worker.as_mut(), report.source, mark.offset)?;
                    self.marks.raise(report.source, mark);
                }
            }
            Moved::Back(error) => {
                report::failed(&error);
                if let Some(wait) = self.outage.failed(Instant::now()) {
                    tracing::warn!(%error, "the lake's store is away; trying again in {wait:?}");
                }
                self.readiness.not_ready(error.to_string());
            }
        }
        Ok(())
    }

    /// Starts the jobs that wait: as many as there may be, or one to try a store that was away.
    fn start_jobs(&mut self, now: Instant) {
        let most = match self.outage.is_away() {
            false => JOBS,
            true if self.outage.allows(now) => 1,
            true => 0,
        };
        for partition in self.partitions.values_mut() {
            if self.running >= most {
                break;
            }
            self.running += usize::from(partition.start_job(&self.jobs));
        }
    }

    /// Cuts batches that are due, that reach the end, or that are the largest while memory is short.
    fn cut_what_must_be(&mut self, now: Instant) {
        let interval = self.interval(now);
        for (source, partition) in &mut self.partitions {
            let Some(gathering) = partition.cuttable() else { continue };
            let seen_to = partition.seen_to(gathering);
            let is_due = interval.and_then(|interval| gathering.due_at(interval)).is_some_and(|due| due <= now);
            let is_last = self.ending.as_ref().is_some_and(|ending| ending.cuts(source, seen_to, now));
            if is_due || is_last {
                partition.cut();
            }
        }
        let loads = self.loads();
        self.summary.holds(memory::total(&loads));
        if matches!(self.config.stop, Stop::OnShutdown)
            && let Some(largest) = self.config.memory().to_cut(&loads)
        {
            self.partitions.get_mut(&largest).into_iter().for_each(Partition::cut);
        }
    }

    fn loads(&self) -> Vec<Load> {
        self.partitions.values().map(Partition::load).collect()
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
        let readers = self.config.memory().readers(&self.loads());
        for (&source, partition) in &mut self.partitions {
            if partition.is_paused() || !readers.include(source) {
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

    /// Whether there is nothing left to do, or no time left to do it.
    fn is_over(&mut self, shutdown: &Shutdown, now: Instant) -> Result<bool, Error> {
        if matches!(self.config.stop, Stop::AtEnd { .. }) && shutdown.is_cancelled() {
            // Not even a flush: it would cut where no other run of the same replay does.
            return Ok(true);
        }
        if self.ending.is_none() {
            self.ending = Ending::begins(self.config, self.log.bus, &self.partitions, shutdown, now)?;
        }
        let Some(ending) = &self.ending else { return Ok(false) };
        self.log.may_lie_ahead = false;
        if ending.is_reached(&self.partitions) {
            self.summary.is_complete = true;
            return Ok(true);
        }
        let is_late = ending.is_late(now);
        if is_late {
            tracing::warn!("no time left: what is not in the lake yet is written at the next start");
        }
        Ok(is_late)
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
