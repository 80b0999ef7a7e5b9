//! What the log holds after an outage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bus::kafka::{KafkaBus, Options};
use bus::{Bus, Source};
use events::{Control, Topic};
use serde_json::Value;

#[derive(Default)]
pub(crate) struct Log {
    /// How often each hit is there, by its id.
    pub(crate) times: BTreeMap<String, usize>,
    /// The page views of each visitor as they stand in the log, each where it stands first.
    visits: BTreeMap<String, Vec<u64>>,
    /// Partitions that were told of a spool being emptied.
    pub(crate) told: BTreeSet<u32>,
}

impl Log {
    pub(crate) fn read(bootstrap: &str) -> Self {
        let options = Options { create_topics: false, ..Options::at(vec![bootstrap.to_owned()], "clickstream.") };
        let bus: Arc<dyn Bus> = Arc::new(KafkaBus::open(options).unwrap());
        let mut log = Self::default();
        for partition in 0..bus.partitions() {
            let source = Source { topic: Topic::Hits, partition };
            let bounds = bus.bounds(source).unwrap();
            let mut reader = bus.read(source, bounds.start).unwrap();
            while reader.position() < bounds.end {
                for record in reader.next(Duration::from_secs(1)).unwrap() {
                    log.add(partition, &record.value.unwrap());
                }
            }
        }
        log
    }

    fn add(&mut self, partition: u32, value: &[u8]) {
        match Control::from_json(value) {
            Ok(Control::Draining) => drop(self.told.insert(partition)),
            // A sessionizer's settings and ticks.
            Ok(_) => {}
            Err(_) => self.add_hit(value),
        }
    }

    fn add_hit(&mut self, value: &[u8]) {
        let hit: Value = serde_json::from_slice(value).unwrap();
        let times = self.times.entry(hit["hit_id"].as_str().unwrap().to_owned()).or_default();
        *times += 1;
        if *times == 1 {
            let visitor = hit["visitor_id"].as_str().unwrap().to_owned();
            self.visits.entry(visitor).or_default().push(hit["props"]["view"].as_u64().unwrap());
        }
    }

    /// Every acknowledged hit is there, and nobody's second page comes before the first. The figures.
    pub(crate) fn must_hold(&self, acknowledged: &[String]) -> String {
        let missing: Vec<_> = acknowledged.iter().filter(|id| !self.times.contains_key(*id)).collect();
        let doubled = self.times.values().filter(|times| **times > 1).count();
        let count = acknowledged.len();
        assert!(missing.is_empty(), "{} of {count} are missing: {:?}", missing.len(), missing.first());
        let unsorted: Vec<_> = self.visits.iter().filter(|(_, views)| !views.is_sorted()).collect();
        assert!(unsorted.is_empty(), "out of order: {unsorted:?}");
        format!("acknowledged {count}, missing 0, twice in the log {doubled}")
    }
}
