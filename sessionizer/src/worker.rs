//! One worker: polls, applies, commits. Plain code on one thread; partitions are restored on others, while it goes on.

mod commit;
mod room;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{Assignment, Group, Polled, Record, SharedBus, Source, Worker};
use events::{NextOffset, Topic};
use service::Readiness;

use crate::Error;
use crate::config::{Config, GROUP, Mode};
use crate::controls::Controls;
use crate::grace::Grace;
use crate::partition::Partition;
use crate::report::Summary;
use crate::restore::Restored;
use crate::restores::Restores;
use crate::ticks::Ticks;
use room::Room;

/// The longest wait for records: ticks and the end are looked for in between.
const POLL: Duration = Duration::from_millis(100);

/// The same while partitions are restored.
const POLL_RESTORING: Duration = Duration::from_millis(10);

/// How often it is said how far each partition is behind the end of its log: that is a question to the bus.
const LAG_EVERY: Duration = Duration::from_secs(1);

/// How late the look for ticks may be, which comes several times a second, before the bus counts as having been away.
const LATE: Duration = Duration::from_secs(5);

/// How long a group may take to give a member its part. Who has none by then waits to take one over.
const JOINING: Duration = Duration::from_secs(10);

/// Joins the group and works until the token says stop, the bounded log has ended, or something fails. What was
/// not committed then is lost from memory alone. `was_away`: the bus failed a moment ago.
pub(crate) fn run(
    config: &Config,
    bus: &SharedBus,
    grace: &Grace<'_>,
    readiness: &Readiness,
    was_away: bool,
    summary: &mut Summary,
) -> Result<(), Error> {
    let group =
        Group { name: GROUP.to_owned(), instance: config.instance.clone(), topics: vec![Topic::Hits], produces: true };
    let mut loops = Loop {
        config,
        bus,
        grace,
        readiness,
        was_away,
        summary,
        worker: bus.join(group)?,
        joined_at: Instant::now(),
        has_heard: false,
        restores: Restores::new(config, bus),
        is_restoring: false,
        partitions: BTreeMap::new(),
        committed_at: Instant::now(),
        taken: 0,
        lag_at: Instant::now(),
        looked_at: Instant::now(),
        controls: Controls::new(bus.clone()),
    };
    while !grace.has_begun() && !loops.has_ended() {
        loops.step()?;
    }
    if config.mode == Mode::Live {
        loops.drain()?;
    }
    loops.finish()
}

struct Loop<'a> {
    config: &'a Config,
    bus: &'a SharedBus,
    grace: &'a Grace<'a>,
    readiness: &'a Readiness,
    was_away: bool,
    summary: &'a mut Summary,
    worker: Box<dyn Worker>,
    joined_at: Instant,
    /// Whether the first poll has answered.
    has_heard: bool,
    /// Partitions that are ours and on their way. They stay paused, and nothing is committed of them.
    restores: Restores,
    /// Whether it was not said yet that all of them are done.
    is_restoring: bool,
    partitions: BTreeMap<u32, Partition>,
    committed_at: Instant,
    /// Records of `hits` that the next commit covers.
    taken: usize,
    lag_at: Instant,
    /// When it last looked whether a tick is due.
    looked_at: Instant,
    controls: Controls,
}

impl Loop<'_> {
    fn step(&mut self) -> Result<(), Error> {
        self.take_restored()?;
        let polled = self.worker.poll(self.patience())?;
        self.has_heard = true;
        match polled {
            Polled::Assigned(assignments) => {
                for assignment in assignments {
                    // Nothing is read of it before it is known where to begin.
                    self.worker.pause(assignment.source)?;
                    self.restores.begin(assignment);
                    self.is_restoring = true;
                }
            }
            Polled::Revoked(sources) => {
                // Quick: whoever takes over runs the engine from the last checkpoint again.
                self.commit(None)?;
                for source in sources {
                    self.restores.cancel(source.partition);
                    self.partitions.remove(&source.partition);
                    self.controls.forget(source.partition);
                }
            }
            Polled::Records { source, records } => self.read(source, &records)?,
            Polled::End { source, .. } => {
                if let Some(partition) = self.partitions.get_mut(&source.partition) {
                    partition.ticks.at_end();
                }
            }
            Polled::Nothing
                if self.partitions.is_empty() && self.restores.is_idle() && self.joined_at.elapsed() >= JOINING =>
            {
                self.readiness.ready();
            }
            Polled::Nothing => {}
        }
        if self.is_commit_due() {
            self.commit(self.checkpoint_due())?;
        }
        if self.config.mode == Mode::Live {
            self.send_controls();
        }
        if self.lag_at.elapsed() >= LAG_EVERY {
            self.report_lag();
        }
        Ok(())
    }

    /// How long to wait for records: not past the next commit, nor long past the end of a restore.
    fn patience(&self) -> Duration {
        let most = if self.restores.is_idle() { POLL } else { POLL_RESTORING };
        if self.partitions.values().any(Partition::has_moved) {
            most.min(self.config.commit_interval.saturating_sub(self.committed_at.elapsed()))
        } else {
            most
        }
    }

    /// Goes on with the partitions that are restored by now.
    fn take_restored(&mut self) -> Result<(), Error> {
        if !self.is_restoring {
            return Ok(());
        }
        while let Some((assignment, restored)) = self.restores.next_done()? {
            self.restored(assignment, restored)?;
        }
        match self.restores.report() {
            None => {
                self.is_restoring = false;
                self.readiness.ready();
            }
            Some(report) => self.readiness.not_ready(report),
        }
        Ok(())
    }

    /// Takes a partition up at the position in its state.
    fn restored(&mut self, assignment: Assignment, restored: Restored) -> Result<(), Error> {
        let Assignment { source, committed } = assignment;
        let number = source.partition;
        let position = restored.engine.position();
        if committed.unwrap_or(NextOffset::START) != position {
            tracing::warn!(
                partition = number, %position, committed = committed.map(|at| at.0),
                "the group's offset is not the position in the state, which holds: it expired, or somebody has reset it"
            );
        }
        // A bounded log goes on under the settings that it was begun with: behind its end nothing may follow.
        if *restored.engine.settings() != self.config.settings && self.config.mode == Mode::Live {
            tracing::info!(partition = number, "the settings differ from the log's; writing them to it");
            self.controls.want_settings(number);
        }
        // What was fetched meanwhile begins at the group's offset: mostly this very position.
        if committed != Some(position) {
            self.worker.seek(source, position)?;
        }
        self.worker.resume(source)?;
        let now = (self.config.clock)();
        let mut ticks = Ticks::new(self.config.idle_interval, now, restored.is_at_end);
        if self.was_away {
            ticks.outage(now);
        }
        let committed = committed.unwrap_or(NextOffset::START);
        self.partitions.insert(number, Partition::new(restored, committed, ticks));
        Ok(())
    }

    fn read(&mut self, source: Source, records: &[Record]) -> Result<(), Error> {
        let now = (self.config.clock)();
        let Some(partition) = self.partitions.get_mut(&source.partition) else { return Ok(()) };
        let position = partition.engine.position();
        if let Some(first) = records.first().filter(|first| first.offset.0 > position.0) {
            // Either these offsets hold no record, or retention overtook us.
            let start = self.bus.bounds(source)?.start;
            if start > position {
                let next = start.min(NextOffset(first.offset.0));
                tracing::error!(%source, %position, %next, "records were removed before they were read");
                partition.engine.skip_to(next, now, &mut partition.out);
            }
        }
        let mut rest = records;
        while !rest.is_empty() {
            let (fitting, later) = rest.split_at(self.room().fitting(rest));
            let Some(partition) = self.partitions.get_mut(&source.partition) else { return Ok(()) };
            partition.apply(fitting, now);
            self.taken += fitting.len();
            rest = later;
            if self.room().is_used_up() {
                self.commit(self.checkpoint_due())?;
            }
        }
        Ok(())
    }

    /// What the next commit has room for.
    fn room(&self) -> Room {
        let bytes: usize = self.partitions.values().map(|partition| partition.out.bytes()).sum();
        Room {
            records: self.config.commit_records.saturating_sub(self.taken),
            bytes: self.config.commit_bytes.saturating_sub(bytes),
        }
    }

    fn has_ended(&self) -> bool {
        self.config.mode == Mode::Bounded
            && self.partitions.len() == self.bus.partitions() as usize
            && self.partitions.values().all(|partition| partition.has_ended)
    }

    /// What stands in the log when the token says stop is processed before the end, within the time that is given
    /// for it: whoever was told that a hit is durable may look for it in the lake next.
    fn drain(&mut self) -> Result<(), Error> {
        // Told to stop before it had begun: the first answer says what it has to begin with.
        while (!self.has_heard || !self.restores.is_idle()) && !self.grace.is_over() {
            self.step()?;
        }
        let mut ends = BTreeMap::new();
        for (&number, partition) in &self.partitions {
            ends.insert(number, self.bus.bounds(partition.source())?.end);
        }
        let is_behind = |number: &u32, partition: &Partition| {
            ends.get(number).is_some_and(|end| partition.engine.position() < *end)
        };
        while !self.grace.is_over() && self.partitions.iter().any(|(number, partition)| is_behind(number, partition)) {
            self.step()?;
        }
        Ok(())
    }

    /// Says how far each partition is behind. A bus that does not answer is asked again later: nobody waits for figures.
    fn report_lag(&mut self) {
        let now = (self.config.clock)();
        self.partitions.values().for_each(|partition| partition.report(now));
        for partition in self.partitions.values() {
            let Ok(bounds) = self.bus.bounds(partition.source()) else { break };
            partition.report_lag(bounds.end);
        }
        self.lag_at = Instant::now();
    }

    /// Writes the settings where they differ, and a tick to each partition that has been idle.
    fn send_controls(&mut self) {
        let now = (self.config.clock)();
        let settled = self.controls.settle();
        if let Err(error) = &settled {
            tracing::warn!(%error, "a control record could not be written; no ticks for a minute");
        }
        // A commit waits for a bus that is away, and may well come through: then nothing but the time says that it was. And a tick
        // that is sent while it is away stands in the log before all that waited for it.
        let is_late = std::mem::replace(&mut self.looked_at, Instant::now()).elapsed() >= LATE;
        if settled.is_err() || is_late || self.bus.condition().away.is_some() {
            self.partitions.values_mut().for_each(|partition| partition.ticks.outage(now));
        }
        self.controls.send_settings(self.config.settings);
        for (&number, partition) in &mut self.partitions {
            if partition.engine.waits_for_time() && partition.ticks.take_due(now) {
                self.controls.send_tick(number, now);
            }
        }
    }
}
