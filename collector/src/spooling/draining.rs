//! Sends on what the spool holds, in its order, as soon as the bus takes it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bus::{BusError, Outgoing};
use events::{Control, Reason, Rejection, Topic};
use service::Shutdown;
use service::metrics::{SPOOL_DAMAGED, SPOOL_DRAINED};
use spool::{Reader, Run, Seq, SpoolError};
use tokio::time::{Instant, sleep};

use super::{Shared, envelope};

/// What is read, and published as one, at a time.
const RUN_BYTES: usize = 1 << 20;

/// How often a bus that refuses at once is asked again. One that is away answers later, and need not be waited for.
const AGAIN: Duration = Duration::from_millis(500);

/// How often partitions are told that a spool is being emptied. What they are told holds for three times as long.
const TELL: Duration = Duration::from_secs(10);

/// How often the metrics are told what there is.
const MEASURE: Duration = Duration::from_secs(1);

/// Empties a spool, again and again, until it is told to stop.
pub struct Draining {
    shared: Arc<Shared>,
    /// None while it reads.
    reader: Option<Reader>,
    /// When the partitions were told last.
    told: Option<Instant>,
    /// Everything before this was published.
    done: Seq,
}

impl fmt::Debug for Draining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draining").field("done", &self.done).finish_non_exhaustive()
    }
}

/// Why it pauses.
enum Pause {
    /// The bus or the disk did not do its part.
    Failed,
    /// All that is durable was sent on; more is being written.
    AtEnd,
}

impl Draining {
    pub(super) fn new(shared: Arc<Shared>, reader: Reader) -> Self {
        Self { shared, reader: Some(reader), told: None, done: Seq(0) }
    }

    /// Works until it is told to stop. What the spool then holds is sent on by the next process.
    pub async fn run(mut self, stop: Shutdown) {
        let shared = self.shared.clone();
        let measuring = async {
            loop {
                sleep(MEASURE).await;
                shared.measure();
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = measuring => {}
            () = self.work() => {}
        }
        let left = self.shared.spool.standing().records;
        if left > 0 {
            tracing::warn!(left, "stopping with hits in the spool; the next start on this folder sends them on");
        }
    }

    async fn work(&mut self) {
        loop {
            let mut sent = 0;
            while !self.shared.go_direct() {
                match self.step().await {
                    Ok(records) => sent += records,
                    Err(Pause::Failed) => sleep(AGAIN).await,
                    Err(Pause::AtEnd) => sleep(Duration::from_millis(5)).await,
                }
            }
            self.shared.measure();
            if sent > 0 {
                tracing::info!(records = sent, "the spool is empty; hits go to the bus again");
            }
            self.told = None;
            self.shared.spooling.notified().await;
        }
    }

    /// Sends some records on; how many.
    async fn step(&mut self) -> Result<u64, Pause> {
        // First, so that it also finds out whether anybody takes anything: a record that fails may be overtaken by those
        // behind it, and these cannot be.
        if self.told.is_none_or(|told| told.elapsed() >= TELL) {
            self.tell().await?;
        }
        let Some(run) = self.read().await? else {
            // Perhaps an earlier try to say so failed.
            self.advance().await?;
            return Err(Pause::AtEnd);
        };
        for damage in &run.damage {
            metrics::counter!(SPOOL_DAMAGED).increment(damage.records);
            tracing::error!(
                file = damage.file,
                at = damage.at,
                bytes = damage.bytes,
                records = damage.records,
                "a part of the spool cannot be read; hits that were acknowledged are lost"
            );
        }
        if !run.records.is_empty() {
            self.publish(&run).await;
        }
        self.done = run.next;
        let records = run.records.len() as u64;
        metrics::counter!(SPOOL_DRAINED).increment(records);
        self.advance().await?;
        Ok(records)
    }

    /// Tells every partition that what comes now comes late, so that nobody's clock closes sessions over it.
    async fn tell(&mut self) -> Result<(), Pause> {
        let value = bytes::Bytes::from(Control::Draining.to_json());
        let record = |partition| Outgoing {
            topic: Topic::Hits,
            partition: Some(partition),
            key: None,
            value: value.clone(),
            append_time: None,
        };
        let records = (0..self.shared.bus.partitions()).map(record).collect();
        self.shared.bus.publish(records).await.map_err(|error| {
            tracing::debug!(%error, "the bus is still away");
            Pause::Failed
        })?;
        self.told = Some(Instant::now());
        Ok(())
    }

    async fn read(&mut self) -> Result<Option<Run>, Pause> {
        let mut reader = self.reader.take().expect("it is put back below");
        // Files block.
        let read = tokio::task::spawn_blocking(move || {
            let run = reader.read(RUN_BYTES);
            (reader, run)
        });
        let (reader, run) = read.await.expect("reading a spool does not panic, and is not aborted");
        self.reader = Some(reader);
        run.map_err(|error: SpoolError| {
            tracing::error!(%error, "the spool cannot be read");
            Pause::Failed
        })
    }

    /// Publishes a run until it stands. A record that the bus will never take becomes a rejection: it must not be in the
    /// way of all others, nor vanish.
    async fn publish(&mut self, run: &Run) {
        let mut records: Vec<_> = run.records.iter().map(envelope::unwrap).collect();
        loop {
            match self.shared.bus.publish(records.clone()).await {
                Ok(()) => return,
                Err(BusError::TooLarge { size, limit }) => {
                    for record in records.iter_mut().filter(|record| envelope::size(record) >= size) {
                        *record = self.reject(record, size, limit);
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "the bus went away while the spool was emptied");
                    sleep(AGAIN).await;
                    // It is told again when it is back: that may be much later.
                    self.told = None;
                    while self.tell().await.is_err() {
                        sleep(AGAIN).await;
                    }
                }
            }
        }
    }

    fn reject(&self, record: &Outgoing, size: usize, limit: usize) -> Outgoing {
        tracing::error!(size, limit, "a spooled hit is larger than the bus takes; it is rejected");
        let detail =
            format!("a hit of {size} bytes is over the bus's limit of {limit}; it was spooled before that was known");
        // A rejection that is too large itself goes without what was refused.
        let raw = if record.topic == Topic::Rejected { &[] } else { &record.value[..] };
        let rejection = Rejection::new(Reason::TooLarge, detail, "spool", (self.shared.clock)(), raw);
        Outgoing { topic: Topic::Rejected, key: None, value: rejection.to_json().into(), ..record.clone() }
    }

    async fn advance(&self) -> Result<(), Pause> {
        self.shared.spool.advance(self.done).await.map_err(|error| {
            tracing::error!(%error, "the spool's position cannot be written; hits may be sent twice after a crash");
            Pause::Failed
        })
    }
}
