//! How collectors come to the same key for a day: the first record of the day in `salts` is it.
//!
//! Who finds none there writes one of its own and reads again, since somebody else may have written a moment before. Once known,
//! a key is not looked for again, so that nothing is read but once a day and at the start.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{BusError, Outgoing, SharedBus, Source};
use events::{Day, Salt, Topic};
use service::{Clock, Shutdown};
use tokio::time::{sleep, timeout};

use super::Salts;

/// Every collector writes to, and reads, this one place.
const PLACE: Source = Source { topic: Topic::Salts, partition: 0 };

/// How long a start waits for the bus. Over that, hits of cookieless sites are told apart by a key of this process alone.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks whether there is something to agree on, and tries again where the bus did not answer.
const LOOK: Duration = Duration::from_secs(1);

/// The longest reading of a topic that holds a few records.
const READING: Duration = Duration::from_secs(5);

/// Agrees with other collectors on the keys of days.
pub(crate) struct Sharing {
    salts: Arc<Salts>,
    exchange: Exchange,
    clock: Clock,
}

impl Sharing {
    pub(crate) fn new(salts: Arc<Salts>, bus: SharedBus, clock: Clock) -> Self {
        Self { salts, exchange: Exchange(bus), clock }
    }

    /// Tries before the first hit is taken, so that a restart makes no visitor twice. What is in the way, [`Self::run`] says.
    pub(crate) async fn begin(&self, stop: &Shutdown) {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = timeout(PATIENCE, self.agree()) => {}
        }
    }

    /// Goes on for as long as the process does.
    pub(crate) async fn run(self) -> Infallible {
        let mut is_failing = false;
        loop {
            sleep(LOOK).await;
            match self.agree().await {
                Ok(()) if is_failing => {
                    tracing::info!("visitors without a cookie are told apart by the key that all collectors have");
                    is_failing = false;
                }
                Ok(()) => {}
                Err(error) => {
                    if !is_failing {
                        let own = "this one has its own, until the log is back";
                        tracing::warn!(%error, "there is no key of the day that all collectors have; {own}");
                    }
                    is_failing = true;
                }
            }
        }
    }

    /// Sees to it that the keys are known which are wanted by now.
    async fn agree(&self) -> Result<(), BusError> {
        let now = (self.clock)();
        if self.salts.wanted(now).is_empty() {
            return Ok(());
        }
        self.learn().await?;
        let missing = self.salts.wanted(now);
        if missing.is_empty() {
            return Ok(());
        }
        let offers = missing.into_iter().filter_map(|day| self.salts.offer(day));
        self.exchange.offer(offers.collect()).await?;
        self.learn().await
    }

    async fn learn(&self) -> Result<(), BusError> {
        let yesterday = Day::of((self.clock)()).plus(-1);
        for salt in self.exchange.read().await?.into_iter().filter(|salt| salt.day >= yesterday) {
            self.salts.agree(salt);
        }
        Ok(())
    }
}

/// Where keys are written and read.
struct Exchange(SharedBus);

impl Exchange {
    async fn offer(&self, salts: Vec<Salt>) -> Result<(), BusError> {
        let record = |salt: Salt| Outgoing {
            topic: PLACE.topic,
            partition: Some(PLACE.partition),
            key: Some(salt.day.to_string().into()),
            value: salt.to_json().into(),
            append_time: None,
        };
        self.0.publish(salts.into_iter().map(record).collect()).await
    }

    /// What stands there, in the order in which it was written.
    async fn read(&self) -> Result<Vec<Salt>, BusError> {
        let bus = self.0.clone();
        // Readers block.
        let reading = tokio::task::spawn_blocking(move || read(&bus));
        reading.await.expect("reading a topic does not panic, and is not aborted")
    }
}

fn read(bus: &SharedBus) -> Result<Vec<Salt>, BusError> {
    let bounds = bus.bounds(PLACE)?;
    let mut salts = Vec::new();
    if bounds.start == bounds.end {
        return Ok(salts);
    }
    let mut reader = bus.read(PLACE, bounds.start)?;
    let deadline = Instant::now() + READING;
    while reader.position() < bounds.end {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(BusError::Unavailable(format!("{PLACE} could not be read within {READING:?}")));
        }
        for record in reader.next(left)? {
            match record.value.as_deref().map(Salt::parse) {
                Some(Ok(salt)) => salts.push(salt),
                _ => {
                    let offset = record.offset;
                    tracing::warn!(%offset, "a record in {PLACE} holds no key of a day; it is passed over");
                }
            }
        }
    }
    Ok(salts)
}

#[cfg(test)]
mod tests;
