//! A bus that keeps records in memory and does as it is told: take, fail, or make the publisher wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Bounds, Bus, BusError, Group, Outgoing, Reader, Source, Worker};
use events::{LogId, NextOffset, Topic};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

pub(crate) struct Double {
    taken: Arc<Mutex<Vec<Outgoing>>>,
    failure: Mutex<Option<BusError>>,
    /// One permit lets one publish through.
    gate: Option<Arc<Semaphore>>,
    waiting: Arc<Semaphore>,
}

impl Double {
    /// Takes everything at once.
    pub(crate) fn willing() -> Arc<Self> {
        Self::make(None)
    }

    /// Holds every publish back until it is let through.
    pub(crate) fn gated() -> Arc<Self> {
        Self::make(Some(Arc::new(Semaphore::new(0))))
    }

    fn make(gate: Option<Arc<Semaphore>>) -> Arc<Self> {
        let waiting = Arc::new(Semaphore::new(0));
        Arc::new(Self { taken: Arc::default(), failure: Mutex::default(), gate, waiting })
    }

    pub(crate) fn fail_with(&self, failure: Option<BusError>) {
        *self.failure.lock().unwrap() = failure;
    }

    /// Resolves when a publish has come to the gate.
    pub(crate) async fn somebody_waits(&self) {
        let waiting = soon("a publish", self.waiting.acquire()).await;
        waiting.unwrap().forget();
    }

    pub(crate) fn let_one_through(&self) {
        self.gate.as_ref().unwrap().add_permits(1);
    }

    /// The values of a topic, in the order of publishing.
    pub(crate) fn values(&self, topic: Topic) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let records = taken.iter().filter(|record| record.topic == topic);
        records.map(|record| String::from_utf8(record.value.to_vec()).unwrap()).collect()
    }
}

impl Bus for Double {
    fn queued_bytes(&self) -> usize {
        0
    }

    fn partitions(&self) -> u32 {
        1
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        Ok(LogId::from_bits(0))
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        let (taken, gate, waiting) = (self.taken.clone(), self.gate.clone(), self.waiting.clone());
        let failure = self.failure.lock().unwrap().take();
        async move {
            if let Some(gate) = gate {
                waiting.add_permits(1);
                gate.acquire().await.unwrap().forget();
            }
            match failure {
                Some(error) => Err(error),
                None => {
                    taken.lock().unwrap().extend(records);
                    Ok(())
                }
            }
        }
        .boxed()
    }

    fn join(&self, _: Group) -> Result<Box<dyn Worker>, BusError> {
        unreachable!("the collector only publishes")
    }

    fn read(&self, _: Source, _: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        unreachable!("the collector only publishes")
    }

    fn bounds(&self, _: Source) -> Result<Bounds, BusError> {
        unreachable!("the collector only publishes")
    }
}

/// What is expected to come, so that a server which is broken fails a test and does not hang it.
pub(crate) async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    let coming = tokio::time::timeout(Duration::from_secs(30), coming).await;
    coming.unwrap_or_else(|_| panic!("{what} should have come long ago"))
}
