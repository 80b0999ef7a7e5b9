//! Says in the lake how far the tables are complete: after each batch, and for partitions in which nothing comes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::Source;
use events::{LogId, Span};
use lake::{Lake, LakeError, Mark};
use tables::Table;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::report;

/// The shortest and the longest time between two marks. Each is one object read and one written for each table.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How far the clocks of brokers and lake-writers may differ. A partition that was read to its end is complete through the
/// moment before that by our clock less this, since append times are by another.
pub(crate) const CLOCKS_DIFFER: Span = Span::from_secs(10);

/// The longest wait for the last mark when stopping.
const LAST_WAIT: Duration = Duration::from_secs(5);

type Marked = BTreeMap<Table, BTreeMap<u32, Mark>>;

/// What is to be said, and what was.
pub(crate) struct Marks {
    runtime: Handle,
    lake: Lake,
    log_id: LogId,
    partition_count: u32,
    interval: Duration,
    known: Marked,
    said: Marked,
    saying: Option<(Marked, JoinHandle<Result<bool, LakeError>>)>,
    next_at: Instant,
}

impl Marks {
    /// Marks of one log; said about as often as rows are flushed.
    pub(crate) fn new(
        runtime: Handle,
        lake: Lake,
        log_id: LogId,
        partition_count: u32,
        flush: Duration,
        now: Instant,
    ) -> Self {
        let interval = flush.clamp(INTERVAL.0, INTERVAL.1);
        let (known, said) = (Marked::new(), Marked::new());
        Self { runtime, lake, log_id, partition_count, interval, known, said, saying: None, next_at: now }
    }

    /// A partition has come so far. What was known and lies further stays.
    pub(crate) fn raise(&mut self, source: Source, mark: Mark) {
        let Some(table) = Table::of(source.topic) else { return };
        let known = self.known.entry(table).or_default().entry(source.partition).or_default();
        *known = known.max(mark);
    }

    /// Whether it is time to say how far it is.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.saying.as_ref().is_none_or(|(_, saying)| saying.is_finished()) && self.next_at <= now
    }

    /// Says what changed, beside the loop.
    ///
    /// # Errors
    ///
    /// What stands there cannot be trusted, or is a newer build's.
    pub(crate) fn say(&mut self, now: Instant) -> Result<(), LakeError> {
        self.next_at = now + self.interval;
        self.hear(Duration::ZERO)?;
        if self.saying.is_none() && self.known != self.said {
            let (lake, log_id, count, said) =
                (self.lake.clone(), self.log_id.clone(), self.partition_count, self.said.clone());
            let known = self.known.clone();
            let saying = self.runtime.spawn(async move {
                let mut all_stand = true;
                for (table, marks) in known.iter().filter(|(table, marks)| said.get(table) != Some(marks)) {
                    all_stand &= lake.mark_complete(*table, &log_id, count, marks).await?;
                }
                Ok(all_stand)
            });
            self.saying = Some((self.known.clone(), saying));
        }
        Ok(())
    }

    /// Says the last of it, and waits a little until it stands.
    pub(crate) fn say_all(mut self, now: Instant) -> Result<(), LakeError> {
        self.hear(LAST_WAIT)?;
        self.say(now)?;
        self.hear(LAST_WAIT)
    }

    /// Takes in what came of it, waiting at most so long.
    fn hear(&mut self, wait: Duration) -> Result<(), LakeError> {
        let Some((marks, mut saying)) = self.saying.take() else { return Ok(()) };
        if wait.is_zero() && !saying.is_finished() {
            self.saying = Some((marks, saying));
            return Ok(());
        }
        let Ok(heard) = self.runtime.block_on(async { tokio::time::timeout(wait, &mut saying).await }) else {
            self.saying = Some((marks, saying));
            return Ok(());
        };
        match heard.expect("marking does not panic, and the runtime outlives the loop") {
            Ok(true) => self.said = marks,
            Ok(false) => tracing::debug!("others say how far the tables are complete; trying again"),
            Err(error) if error.may_pass() => {
                report::failed(&error);
                tracing::warn!(%error, "how far the tables are complete is said later");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
