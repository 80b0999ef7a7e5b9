//! The contract that every backend passes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bus::SharedBus;
use bus::contract::Backend;

use crate::support;

#[derive(Default)]
struct OnKafka {
    /// The prefix of each log that was made, by the place of its handle in memory.
    prefixes: Mutex<HashMap<usize, String>>,
}

impl OnKafka {
    fn noted(&self, prefix: String) -> SharedBus {
        let bus = support::open(&prefix);
        self.prefixes.lock().unwrap().insert(place(&bus), prefix);
        bus
    }
}

fn place(bus: &SharedBus) -> usize {
    Arc::as_ptr(bus).cast::<()>().addr()
}

impl Backend for OnKafka {
    fn make(&self) -> SharedBus {
        self.noted(kafka_broker::topic_prefix("contract"))
    }

    fn restart(&self, bus: SharedBus) -> SharedBus {
        let prefix = self.prefixes.lock().unwrap().remove(&place(&bus)).unwrap();
        assert_eq!(Arc::strong_count(&bus), 1, "somebody still holds the log");
        drop(bus);
        self.noted(prefix)
    }
}

bus::contract_tests!(crate::contract::OnKafka::default());
