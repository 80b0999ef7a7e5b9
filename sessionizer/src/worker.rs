//! One worker: polls, applies, commits. Plain code on one thread.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{Assignment, BusError, Group, Output, Polled, Record, SharedBus, Source, Step, Worker};
use events::{NextOffset, Topic};
use service::Readiness;

use crate::Error;
use crate::config::{Config, GROUP, Mode};
use crate::controls::Controls;
use crate::grace::Grace;
use crate::partition::Partition;
use crate::report::Summary;
use crate::restore::restore;
use crate::ticks::Ticks;

/// A commit is made early when the outputs reach this many bytes (P6).
const STEP_BYTES: usize = 8 << 20;

/// A partition's checkpoint is made early when this many of its entries changed. A member that catches up with a long log
/// changes most sessions several times within an interval: what opens and expires in between is never written.
const CHECKPOINT_CHANGES: usize = 200_000;

/// The longest wait for records: ticks and the end are looked for in between.
const POLL: Duration = Duration::from_millis(100);

/// How often it is said how far each partition is behind the end of its log: that is a question to the bus.
const LAG_EVERY: Duration = Duration::from_secs(1);

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
        partitions: BTreeMap::new(),
        committed_at: Instant::now(),
        lag_at: Instant::now(),
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
    partitions: BTreeMap<u32, Partition>,
    committed_at: Instant,
    lag_at: Instant,
    controls: Controls,
}

impl Loop<'_> {
    fn step(&mut self) -> Result<(), Error> {
        let polled = self.worker.poll(self.patience())?;
        self.has_heard = true;
        match polled {
            Polled::Assigned(assignments) => {
                for assignment in assignments {
                    if !self.assigned(assignment)? {
                        return Ok(());
                    }
                }
                self.readiness.ready();
            }
            Polled::Revoked(sources) => {
                // Quick: whoever takes over runs the engine from the last checkpoint again.
                self.commit(None)?;
                for source in sources {
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
            Polled::Nothing if self.partitions.is_empty() && self.joined_at.elapsed() >= JOINING => {
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

    /// How long to wait for records: not past the next commit.
    fn patience(&self) -> Duration {
        if self.partitions.values().any(Partition::has_moved) {
            POLL.min(self.config.commit_interval.saturating_sub(self.committed_at.elapsed()))
        } else {
            POLL
        }
    }

    /// Loads a partition that became ours. `false` when the token said stop and no time was left on the way.
    fn assigned(&mut self, assignment: Assignment) -> Result<bool, Error> {
        let number = assignment.source.partition;
        let Some(restored) = restore(self.config, self.bus, number, self.readiness, self.grace)? else {
            return Ok(false);
        };
        let position = restored.engine.position();
        let committed = assignment.committed.unwrap_or(NextOffset::START);
        if committed != position {
            tracing::warn!(
                partition = number, %position, committed = assignment.committed.map(|at| at.0),
                "the group's offset is not the position in the state, which holds: it expired, or somebody has reset it"
            );
        }
        // A bounded log goes on under the settings that it was begun with: behind its end nothing may follow.
        if *restored.engine.settings() != self.config.settings && self.config.mode == Mode::Live {
            tracing::info!(partition = number, "the settings differ from the log's; writing them to it");
            self.controls.want_settings(number);
        }
        self.worker.seek(assignment.source, position)?;
        let now = (self.config.clock)();
        let mut ticks = Ticks::new(self.config.idle_interval, now, restored.is_at_end);
        if self.was_away {
            ticks.outage(now);
        }
        self.partitions.insert(number, Partition::new(restored, committed, ticks));
        Ok(true)
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
        partition.apply(records, now);
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.config.mode == Mode::Bounded
            && self.partitions.len() == self.bus.partitions() as usize
            && self.partitions.values().all(|partition| partition.has_ended)
    }

    fn is_commit_due(&self) -> bool {
        let bytes: usize = self.partitions.values().map(|partition| partition.out.bytes()).sum();
        let has_moved = || self.partitions.values().any(Partition::has_moved);
        bytes >= STEP_BYTES || (self.committed_at.elapsed() >= self.config.commit_interval && has_moved())
    }

    /// The partition whose checkpoint goes with the next commit. One at a time, so that no step grows larger than it
    /// must: everybody else's records wait for it.
    fn checkpoint_due(&self) -> Option<u32> {
        if self.config.mode == Mode::Bounded {
            return None;
        }
        let changes = |partition: &Partition| partition.engine.changed();
        let is_due = |partition: &Partition| partition.checkpoint_at().elapsed() >= self.config.checkpoint_interval;
        let wanting = self.partitions.iter().filter(|(_, partition)| partition.wants_checkpoint());
        let due = wanting.filter(|(_, partition)| changes(partition) >= CHECKPOINT_CHANGES || is_due(partition));
        due.max_by_key(|(_, partition)| (is_due(partition), changes(partition))).map(|(&number, _)| number)
    }

    /// Makes everything since the last commit durable as one step (P2), with a checkpoint of one partition or none.
    fn commit(&mut self, checkpoint: Option<u32>) -> Result<(), Error> {
        let has_checkpoint = |number: u32| checkpoint == Some(number);
        let mut moved: Vec<_> = self
            .partitions
            .iter_mut()
            .filter(|(number, partition)| has_checkpoint(**number) || partition.has_moved())
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        let partitions = self.bus.partitions();
        moved.iter_mut().for_each(|(number, partition)| partition.seal(partitions, has_checkpoint(**number)));
        let outputs: Vec<Output<'_>> = moved.iter().flat_map(|(_, partition)| partition.outputs()).collect();
        let positions: Vec<_> =
            moved.iter().map(|(_, partition)| (partition.source(), partition.engine.position())).collect();
        let result = self.worker.commit(Step { outputs: &outputs, positions: &positions });
        result.map_err(|error| name_too_large(error, &outputs, &positions))?;
        drop(outputs);
        let now = (self.config.clock)();
        self.committed_at = Instant::now();
        self.summary.steps += 1;
        for (number, partition) in moved {
            self.summary.committed(&partition.out.counts);
            partition.committed(now, has_checkpoint(*number));
            if self.config.mode == Mode::Bounded {
                // Who starts anew reads a bounded log from its start: cheaper than checkpoints on the way.
                partition.engine.drop_changes();
            }
        }
        Ok(())
    }

    /// What stands in the log when the token says stop is processed before the end, within the time that is given
    /// for it: whoever was told that a hit is durable may look for it in the lake next.
    fn drain(&mut self) -> Result<(), Error> {
        // Told to stop before it had begun: the first answer says what it has to begin with.
        while !self.has_heard && !self.grace.is_over() {
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
        for partition in self.partitions.values() {
            let Ok(bounds) = self.bus.bounds(partition.source()) else { break };
            partition.report_lag(bounds.end);
        }
        self.lag_at = Instant::now();
    }

    /// The last commits: everything, and where the log goes on, a checkpoint of each partition.
    fn finish(mut self) -> Result<(), Error> {
        let checkpoints: Vec<u32> = match self.config.mode {
            Mode::Live => {
                let wanting = self.partitions.iter().filter(|(_, partition)| partition.wants_checkpoint());
                wanting.map(|(&number, _)| number).collect()
            }
            Mode::Bounded => Vec::new(),
        };
        for number in checkpoints {
            self.commit(Some(number))?;
        }
        self.commit(None)
    }

    /// Writes the settings where they differ, and a tick to each partition that has been idle.
    fn send_controls(&mut self) {
        let now = (self.config.clock)();
        if let Err(error) = self.controls.settle() {
            tracing::warn!(%error, "a control record could not be written; no ticks for a minute");
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

/// Says which record it was that the bus does not take.
fn name_too_large(error: BusError, outputs: &[Output<'_>], positions: &[(Source, NextOffset)]) -> Error {
    let BusError::TooLarge { size, limit } = error else { return error.into() };
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    let named = outputs.iter().find(|output| length(output.key) + length(output.value) == size).and_then(|output| {
        let partition = output.target.partition;
        let (_, position) = positions.iter().find(|(source, _)| source.partition == partition)?;
        let key = String::from_utf8_lossy(output.key.unwrap_or_default()).into_owned();
        Some(Error::TooLarge { partition, position: *position, topic: output.target.topic, key, size, limit })
    });
    named.unwrap_or(BusError::TooLarge { size, limit }.into())
}
