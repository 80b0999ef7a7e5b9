//! One worker: polls, applies, commits. Plain code on one thread.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{Assignment, Group, Outgoing, Output, Polled, SharedBus, Step, Worker};
use bytes::Bytes;
use events::{Control, Topic};
use futures::FutureExt;
use futures::future::BoxFuture;
use service::{Readiness, Shutdown, metrics as name};
use sessions::Outputs;

use crate::config::{Config, GROUP, Mode};
use crate::partition::Partition;
use crate::report::Summary;
use crate::ticks::Ticks;
use crate::{Error, restore};

/// A commit is made early when the outputs reach this many bytes (P6).
const STEP_BYTES: usize = 8 << 20;

/// A checkpoint is made early when this many entries changed.
const CHECKPOINT_CHANGES: usize = 200_000;

/// The longest wait for records: ticks and the end are looked for in between.
const POLL: Duration = Duration::from_millis(100);

/// Joins the group and works until the token says stop, the bounded log has ended, or something fails. What was
/// not committed then is lost from memory alone.
pub(crate) fn run(
    config: &Config,
    bus: &SharedBus,
    shutdown: &Shutdown,
    readiness: &Readiness,
    summary: &mut Summary,
) -> Result<(), Error> {
    let group = Group { name: GROUP.to_owned(), instance: config.instance.clone(), topics: vec![Topic::Hits] };
    let now = Instant::now();
    let mut loops = Loop {
        config,
        bus,
        shutdown,
        readiness,
        summary,
        worker: bus.join(group)?,
        partitions: BTreeMap::new(),
        committed_at: now,
        checkpoint_at: now,
        in_flight: Vec::new(),
    };
    while !shutdown.is_cancelled() && !loops.has_ended() {
        loops.step()?;
    }
    loops.commit(config.mode == Mode::Live)
}

struct Loop<'a> {
    config: &'a Config,
    bus: &'a SharedBus,
    shutdown: &'a Shutdown,
    readiness: &'a Readiness,
    summary: &'a mut Summary,
    worker: Box<dyn Worker>,
    partitions: BTreeMap<u32, Partition>,
    committed_at: Instant,
    checkpoint_at: Instant,
    /// Ticks and settings on their way to the bus.
    in_flight: Vec<BoxFuture<'static, Result<(), bus::BusError>>>,
}

impl Loop<'_> {
    fn step(&mut self) -> Result<(), Error> {
        match self.worker.poll(self.patience())? {
            Polled::Assigned(assignments) => {
                for assignment in assignments {
                    self.assigned(assignment)?;
                }
                self.readiness.ready();
            }
            Polled::Revoked(sources) => {
                // Quick: whoever takes over runs the engine from the last checkpoint again.
                self.commit(false)?;
                for source in sources {
                    self.partitions.remove(&source.partition);
                }
            }
            Polled::Records { source, records, at_end } => {
                let now = (self.config.clock)();
                if let Some(partition) = self.partitions.get_mut(&source.partition) {
                    partition.apply(&records, at_end, now);
                }
            }
            Polled::Nothing => {}
        }
        if self.is_commit_due() {
            let with_checkpoint = self.is_checkpoint_due();
            self.commit(with_checkpoint)?;
        }
        self.send_ticks();
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

    fn assigned(&mut self, assignment: Assignment) -> Result<(), Error> {
        let number = assignment.source.partition;
        let mut out = Outputs::default();
        let engine = restore::restore(self.config, self.bus, number, &mut out, self.readiness, self.shutdown)?;
        let position = engine.position();
        if assignment.committed.is_some_and(|committed| committed != position) {
            tracing::warn!(
                partition = number, %position, committed = assignment.committed.map(|at| at.0),
                "the group's offset is not the position in the state; the state's holds"
            );
        }
        if *engine.settings() != self.config.settings {
            tracing::info!(partition = number, "the settings differ from the log's; writing them to it");
            self.publish(number, &Control::Settings(self.config.settings));
        }
        self.worker.seek(assignment.source, position)?;
        let ticks = Ticks::new(self.config.idle_interval, (self.config.clock)());
        self.partitions.insert(number, Partition::new(engine, out, ticks));
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

    fn is_checkpoint_due(&self) -> bool {
        let changes = || self.partitions.values().map(|partition| partition.engine.changed()).sum::<usize>();
        self.config.mode == Mode::Live
            && (self.checkpoint_at.elapsed() >= self.config.checkpoint_interval || changes() >= CHECKPOINT_CHANGES)
    }

    /// Makes everything since the last commit durable as one step (P2).
    fn commit(&mut self, with_checkpoint: bool) -> Result<(), Error> {
        let partitions = self.bus.partitions();
        let mut moved: Vec<_> =
            self.partitions.values_mut().filter(|partition| with_checkpoint || partition.has_moved()).collect();
        if moved.is_empty() {
            return Ok(());
        }
        moved.iter_mut().for_each(|partition| partition.seal(partitions, with_checkpoint));
        let outputs: Vec<Output<'_>> = moved.iter().flat_map(|partition| partition.outputs()).collect();
        let positions: Vec<_> =
            moved.iter().map(|partition| (partition.source(), partition.engine.position())).collect();
        self.worker.commit(Step { outputs: &outputs, positions: &positions })?;
        drop(outputs);
        let now = (self.config.clock)();
        self.summary.steps += 1;
        for partition in moved {
            self.summary.committed(&partition.out.counts);
            partition.committed(now);
            if self.config.mode == Mode::Bounded {
                // Who starts anew reads a bounded log from its start: cheaper than checkpoints on the way.
                partition.engine.drop_changes();
            }
        }
        self.committed_at = Instant::now();
        if with_checkpoint {
            self.checkpoint_at = self.committed_at;
        }
        Ok(())
    }

    /// Writes a tick to each partition that has been idle, outside any step: nobody's crash may block readers
    /// of `hits`.
    fn send_ticks(&mut self) {
        if self.config.mode == Mode::Bounded {
            return;
        }
        let now = (self.config.clock)();
        self.see_what_arrived(now);
        let due = |partition: &mut Partition| partition.engine.waits_for_time() && partition.ticks.take_due(now);
        let due: Vec<u32> =
            self.partitions.iter_mut().filter_map(|(&number, partition)| due(partition).then_some(number)).collect();
        for number in due {
            metrics::counter!(name::TICKS_WRITTEN).increment(1);
            self.publish(number, &Control::Tick { time: now });
        }
    }

    fn publish(&mut self, partition: u32, control: &Control) {
        let value = Bytes::from(control.to_json());
        let record = Outgoing { topic: Topic::Hits, partition: Some(partition), key: None, value, append_time: None };
        self.in_flight.push(self.bus.publish(vec![record]));
    }

    /// Drops the publishes that are through. One that failed means that the bus was away.
    fn see_what_arrived(&mut self, now: events::Timestamp) {
        let mut failed = None;
        self.in_flight.retain_mut(|publish| match publish.now_or_never() {
            None => true,
            Some(Ok(())) => false,
            Some(Err(error)) => {
                failed = Some(error);
                false
            }
        });
        if let Some(error) = failed {
            tracing::warn!(%error, "a control record could not be written; no ticks for a minute");
            self.partitions.values_mut().for_each(|partition| partition.ticks.outage(now));
        }
    }
}
