//! One partition that is ours: its engine, what it put out since the last commit, and its ticks.

use std::time::Instant;

use bus::{Output, Record, Source};
use events::{NextOffset, Timestamp, Topic};
use service::metrics as name;
use sessions::{Engine, Input, Outputs};

use crate::restore::Restored;
use crate::ticks::Ticks;

/// Outputs keep their buffer from commit to commit up to this size; what a checkpoint took is given back (P6).
const KEPT_BYTES: usize = 16 << 20;

pub(crate) struct Partition {
    pub(crate) engine: Engine,
    pub(crate) out: Outputs,
    pub(crate) ticks: Ticks,
    /// The group's position.
    committed: NextOffset,
    /// The position as of the last checkpoint, and when that was made.
    checkpoint: (NextOffset, Instant),
    pub(crate) has_ended: bool,
}

impl Partition {
    /// `committed`: the group's position. Where it is not the state's, the next commit overwrites it.
    pub(crate) fn new(restored: Restored, committed: NextOffset, ticks: Ticks) -> Self {
        let Restored { engine, from: restored_from, out, has_ended, .. } = restored;
        Self { engine, out, ticks, committed, checkpoint: (restored_from, Instant::now()), has_ended }
    }

    pub(crate) fn source(&self) -> Source {
        Source { topic: Topic::Hits, partition: self.engine.partition() }
    }

    /// Gives records to the engine.
    pub(crate) fn apply(&mut self, records: &[Record], now: Timestamp) {
        let applied = self.engine.apply_all(records.iter().map(input), &mut self.out);
        if applied.draining {
            self.ticks.draining(now);
        }
        self.has_ended |= applied.end;
        self.ticks.read(now, applied.hit);
    }

    /// Whether a commit has something to say.
    pub(crate) fn has_moved(&self) -> bool {
        self.engine.position() != self.committed || !self.out.is_empty()
    }

    /// Whether a checkpoint would say more than the last one.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.engine.position() != self.checkpoint.0 || self.engine.changed() > 0
    }

    /// When the last checkpoint was made.
    pub(crate) fn checkpoint_at(&self) -> Instant {
        self.checkpoint.1
    }

    /// Completes the outputs for a commit with the position, and with a checkpoint where one is due.
    pub(crate) fn seal(&mut self, partitions: u32, with_checkpoint: bool) {
        if with_checkpoint {
            self.engine.write_checkpoint(&mut self.out);
        }
        self.engine.write_position(partitions, &mut self.out);
    }

    /// The outputs as the bus takes them.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = Output<'_>> {
        let partition = self.engine.partition();
        self.out.iter().map(move |record| Output {
            target: Source { topic: record.topic, partition },
            key: record.key,
            value: record.value,
        })
    }

    /// Says how far the position is behind the end of `hits`.
    pub(crate) fn report_lag(&self, end: NextOffset) {
        let label = self.engine.partition().to_string();
        let lag = end.0 - self.engine.position().0;
        metrics::gauge!(name::HITS_LAG, "partition" => label).set(lag.max(0) as f64);
    }

    /// The commit went through.
    pub(crate) fn committed(&mut self, now: Timestamp, with_checkpoint: bool) {
        if with_checkpoint {
            self.checkpoint = (self.engine.position(), Instant::now());
        }
        match self.out.bytes() {
            0..KEPT_BYTES => self.out.clear(),
            _ => self.out = Outputs::default(),
        }
        self.committed = self.engine.position();
        let label = self.engine.partition().to_string();
        metrics::gauge!(name::SESSIONS_OPEN, "partition" => label.clone()).set(self.engine.open_sessions() as f64);
        metrics::gauge!(name::SESSION_STUBS, "partition" => label.clone()).set(self.engine.stubs() as f64);
        if let Some(watermark) = self.engine.watermark() {
            let lag = (now - watermark).as_millis() as f64 / 1000.0;
            metrics::gauge!(name::WATERMARK_LAG_SECONDS, "partition" => label).set(lag);
        }
    }
}

/// A record as the engine takes it.
pub(crate) fn input(record: &Record) -> Input<'_> {
    Input { offset: record.offset, append_time: record.append_time, value: record.value.as_deref() }
}
