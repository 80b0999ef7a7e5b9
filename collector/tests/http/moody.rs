//! A bus that comes and goes: it takes records, refuses them, or says nothing until its mood changes.

use std::sync::{Arc, Mutex};

use bus::{Bounds, Bus, BusError, Group, Outgoing, Reader, Source, Worker};
use events::{Control, LogId, NextOffset, Topic};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Takes,
    Refuses,
    /// As a client library does: what was published stands in its queue, and is taken when the mood is better.
    Hangs,
}

pub(crate) struct Moody {
    mood: watch::Sender<Mood>,
    taken: Arc<Mutex<Vec<Outgoing>>>,
    /// The largest value that it takes.
    pub(crate) limit: usize,
}

impl Moody {
    pub(crate) fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self { mood: watch::Sender::new(mood), taken: Arc::default(), limit: usize::MAX })
    }

    pub(crate) fn limited(mood: Mood, limit: usize) -> Arc<Self> {
        Arc::new(Self { mood: watch::Sender::new(mood), taken: Arc::default(), limit })
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// What it has taken, in order.
    pub(crate) fn taken(&self) -> Vec<Outgoing> {
        self.taken.lock().unwrap().clone()
    }

    /// The values of hits, in order, and how many control records came before the first.
    pub(crate) fn hits(&self) -> Vec<String> {
        let taken = self.taken();
        let hits = taken.iter().filter(|record| record.topic == Topic::Hits && !Control::is_control(&record.value));
        hits.map(|record| String::from_utf8(record.value.to_vec()).unwrap()).collect()
    }
}

fn take(taken: &Mutex<Vec<Outgoing>>, records: Vec<Outgoing>, limit: usize) -> Result<(), BusError> {
    if let Some(size) = records.iter().map(|record| record.value.len()).find(|size| *size > limit) {
        return Err(BusError::TooLarge { size, limit });
    }
    taken.lock().unwrap().extend(records);
    Ok(())
}

impl Bus for Moody {
    fn queued_bytes(&self) -> usize {
        0
    }

    fn partitions(&self) -> u32 {
        2
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        Ok(LogId::from_bits(0))
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        let (taken, limit, mut mood) = (self.taken.clone(), self.limit, self.mood.subscribe());
        // A task of its own: dropping the future takes nothing back.
        let task = tokio::spawn(async move {
            let mood = *mood.wait_for(|mood| *mood != Mood::Hangs).await.unwrap();
            match mood {
                Mood::Takes => take(&taken, records, limit),
                _ => Err(BusError::Unavailable("nobody answers".to_owned())),
            }
        });
        async move { task.await.unwrap() }.boxed()
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
