//! A pipeline with short windows, so that sessions are final soon, and hits for it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::slice;

use bus::SharedBus;
use events::{Span, Topic, WindowSettings};
use kafka_broker::{Broker, topic_prefix};
use rdkafka::ClientConfig;
use rdkafka::producer::BaseProducer;
use serde_json::Value;

use crate::copy;
use crate::support::kafka::{Pipeline, count, hit, post, wait_until};
use crate::support::service::Service;
use crate::support::{expected, lake};

pub(crate) const WINDOWS: [&str; 6] = ["--gap", "2s", "--lateness", "1s", "--idle-interval", "300ms"];

pub(crate) fn settings() -> WindowSettings {
    WindowSettings { gap: Span::from_secs(2), lateness: Span::from_secs(1), ..WindowSettings::default() }
}

/// One of each service, and their log.
pub(crate) struct Short {
    pub(crate) pipeline: Pipeline,
    pub(crate) collector: Service,
    pub(crate) sessionizer: Service,
    pub(crate) lake_writer: Service,
    pub(crate) bus: SharedBus,
    url: String,
}

impl Short {
    /// Nothing runs yet, and no topic is there.
    pub(crate) fn unstarted(broker: &Broker, name: &str) -> (Pipeline, Service, String) {
        let pipeline = Pipeline::new(slice::from_ref(broker), &topic_prefix(name), &WINDOWS, settings());
        let (collector, url) = pipeline.collector("collector");
        (pipeline, collector, url)
    }

    /// The collector runs, the others do not yet.
    pub(crate) fn begin(broker: &Broker, name: &str) -> Self {
        let (pipeline, mut collector, url) = Self::unstarted(broker, name);
        collector.start_and_wait();
        let (sessionizer, lake_writer) = (pipeline.sessionizer("sessionizer"), pipeline.lake_writer("lake-writer"));
        let bus = pipeline.log();
        Self { pipeline, collector, sessionizer, lake_writer, bus, url }
    }

    /// Starts sessionizer and lake-writer.
    pub(crate) fn start(&mut self) {
        self.sessionizer.start();
        self.lake_writer.start();
    }

    /// Stops sessionizer and lake-writer in good order.
    pub(crate) fn stop(&mut self) {
        for service in [&mut self.sessionizer, &mut self.lake_writer] {
            assert!(service.stop().success(), "{}", service.log());
        }
    }

    /// Sends some hits of several visitors.
    pub(crate) fn send(&self, numbers: Range<u64>) {
        post(&self.url, &numbers.map(|n| hit(n, n % 20)).collect::<Vec<_>>());
    }

    /// Waits until all of these are enriched, and wants each of them to be a row once.
    pub(crate) fn all_are_rows(&self, hits: u64) {
        let hits = hits as usize;
        wait_until(&format!("{hits} enriched hits"), || count(&self.bus, Topic::HitsEnriched) >= hits);
        self.pipeline.wait_for_the_lake(&self.bus);
        let rows = lake::rows(&self.pipeline.lake(), "hits");
        let ids: BTreeSet<_> = rows.iter().map(|row| lake::text(row, "hit_id")).collect();
        assert_eq!((rows.len(), ids.len()), (hits, hits));
    }

    /// Waits until so many hits are in final sessions, and wants those to be the ones that the log leads to.
    pub(crate) fn all_is_final(&self, hits: u64) {
        self.wait_until_final(hits);
        assert_eq!(expected::differences(&self.bus, settings()), [""; 0]);
    }

    /// Waits until so many hits are in final sessions.
    pub(crate) fn wait_until_final(&self, hits: u64) {
        let in_sessions = || {
            let sessions = values(&self.bus, Topic::Sessions);
            sessions.iter().map(|session| session["hit_count"].as_u64().unwrap()).sum::<u64>()
        };
        wait_until(&format!("{hits} hits in final sessions"), || in_sessions() == hits);
    }
}

/// The values of a topic, of all partitions.
pub(crate) fn values(bus: &SharedBus, topic: Topic) -> Vec<Value> {
    copy::values(bus, topic).into_iter().flatten().map(|value| serde_json::from_str(&value).unwrap()).collect()
}

/// A client that knows nothing of the bus.
pub(crate) fn raw_producer(broker: &Broker, settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}
