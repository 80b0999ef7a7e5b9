//! One log on the broker, and services on it.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::kafka::{KafkaBus, Options};
use bus::{SharedBus, Source};
use events::{NextOffset, Topic};
use kafka_broker::Broker;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::TopicPartitionList;
use tempfile::TempDir;

use crate::service::Service;

/// Longer than any part takes; only a hang runs into it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);

pub(crate) struct Pipeline {
    broker: String,
    prefix: String,
    folder: TempDir,
    pub(crate) bus: SharedBus,
}

impl Pipeline {
    /// The topics are made. Nothing runs yet.
    pub(crate) fn new(broker: &Broker, name: &str) -> Self {
        let (broker, prefix) = (broker.bootstrap(), format!("{name}."));
        let bus = Arc::new(KafkaBus::open(Options::at(vec![broker.clone()], prefix.as_str())).unwrap());
        Self { broker, prefix, folder: tempfile::tempdir().unwrap(), bus }
    }

    /// A service with its defaults, and these flags.
    pub(crate) fn service(&self, name: &str, flags: &[&str]) -> Service {
        let url = format!("kafka://{}", self.broker);
        let bus = [name, "--topic-prefix", &self.prefix, "--bus", &url];
        let command = bus.iter().chain(flags).map(OsString::from).collect();
        Service::new(self.folder.path(), name, command)
    }

    /// Where each partition of a topic ends now.
    pub(crate) fn ends(&self, topic: Topic) -> Vec<NextOffset> {
        let partitions = 0..self.bus.partitions();
        partitions.map(|partition| self.bus.bounds(Source { topic, partition }).unwrap().end).collect()
    }

    /// Waits until the sessionizers' group has committed these positions.
    pub(crate) fn wait_for_group(&self, ends: &[NextOffset]) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.broker).set("group.id", format!("{}sessionizer", self.prefix));
        let asking: BaseConsumer = config.create().unwrap();
        let topic = format!("{}{}", self.prefix, Topic::Hits.name());
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&topic, 0, ends.len() as i32 - 1);
        let started = Instant::now();
        loop {
            if let Ok(committed) = asking.committed_offsets(list.clone(), Duration::from_secs(5)) {
                let at =
                    |partition| committed.find_partition(&topic, partition).and_then(|found| found.offset().to_raw());
                if (0..).zip(ends).all(|(partition, end)| at(partition).is_some_and(|at| at >= end.0)) {
                    return;
                }
            }
            assert!(started.elapsed() < PATIENCE, "the sessionizer does not come to the end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
