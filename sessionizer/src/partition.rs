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

    /// Says what it holds, and how far its time is behind: also where nothing comes, and it stands still.
    pub(crate) fn report(&self, now: Timestamp) {
        let label = self.engine.partition().to_string();
        metrics::gauge!(name::SESSIONS_OPEN, "partition" => label.clone()).set(self.engine.open_sessions() as f64);
        metrics::gauge!(name::SESSION_STUBS, "partition" => label.clone()).set(self.engine.stubs() as f64);
        if let Some(watermark) = self.engine.watermark() {
            let lag = (now - watermark).as_millis() as f64 / 1000.0;
            metrics::gauge!(name::WATERMARK_LAG_SECONDS, "partition" => label).set(lag);
        }
    }

    /// Says how far the position is behind the end of `hits`.
    pub(crate) fn report_lag(&self, end: NextOffset) {
        let label = self.engine.partition().to_string();
        let lag = end.0 - self.engine.position().0;
        metrics::gauge!(name::HITS_LAG, "partition" => label).set(lag.max(0) as f64);
    }

    /// The commit went through.
    pub(crate) fn committed(&mut self, with_checkpoint: bool) {
        if with_checkpoint {
            self.checkpoint = (self.engine.position(), Instant::now());
        }
        match self.out.bytes() {
            0..KEPT_BYTES => self.out.clear(),
            _ => self.out = Outputs::default(),
        }
        self.committed = self.engine.position();
    }
}

/// However it goes to another, its gauges here are not to stand still beside those of its new owner.
impl Drop for Partition {
    fn drop(&mut self) {
        let label = self.engine.partition().to_string();
        for gauge in [name::SESSIONS_OPEN, name::SESSION_STUBS, name::WATERMARK_LAG_SECONDS, name::HITS_LAG] {
            metrics::gauge!(gauge, "partition" => label.clone()).set(0.0);
        }
    }
}

/// A record as the engine takes it.
pub(crate) fn input(record: &Record) -> Input<'_> {
    Input { offset: record.offset, append_time: record.append_time, value: record.value.as_deref() }
}

#[cfg(test)]
mod tests {
    use events::{NewHit, Offset, Span, Uuid, WindowSettings};

    use super::*;

    #[test]
    fn gauges_grow_while_nothing_comes_and_are_zero_once_the_partition_is_anothers() {
        let metrics = service::telemetry::install_metrics().unwrap();
        let value = |name: &str| -> f64 {
            let series = format!("{name}{{partition=\"7\"}} ");
            let page = metrics.render();
            let line = page.lines().find_map(|line| line.strip_prefix(&series));
            line.unwrap_or_else(|| panic!("no {series}in {page}")).parse().unwrap()
        };
        let now = Timestamp::from_millis(1_793_577_600_000);
        let (engine, from) = (Engine::new(7, WindowSettings::default()), NextOffset::START);
        let restored = Restored { engine, from, out: Outputs::default(), is_at_end: true, has_ended: false };
        let mut partition = Partition::new(restored, from, Ticks::new(Span::from_secs(10), now, true));
        let mut hit = NewHit::new(Uuid::from_u128(1), "shop.example", "pageview", now, now);
        hit.visitor_id = Some("v");
        let (key, value_of_hit) = (Some(hit.key().into()), Some(hit.to_json().into()));
        partition.apply(&[Record { offset: Offset(0), append_time: now, key, value: value_of_hit }], now);

        partition.report(now);
        partition.report_lag(NextOffset(9));
        assert_eq!((value(name::SESSIONS_OPEN), value(name::HITS_LAG)), (1.0, 8.0));
        let lag = value(name::WATERMARK_LAG_SECONDS);
        partition.report(now + Span::from_secs(5));
        assert_eq!(value(name::WATERMARK_LAG_SECONDS), lag + 5.0);
        drop(partition);
        for gauge in [name::SESSIONS_OPEN, name::SESSION_STUBS, name::HITS_LAG, name::WATERMARK_LAG_SECONDS] {
            assert_eq!(value(gauge), 0.0, "{gauge}");
        }
    }
}
