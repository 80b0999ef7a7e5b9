//! The contract that every backend passes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bus::contract::{Backend, End, EndStep, PATIENCE};
use bus::{Output, SharedBus};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

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

    /// As somebody else's transaction: ours are open for a moment only.
    fn open_step(&self, bus: &SharedBus, outputs: &[Output<'_>]) -> Option<EndStep> {
        let prefix = self.prefixes.lock().unwrap()[&place(bus)].clone();
        let mut config = support::raw(&kafka_broker::shared().bootstrap());
        let producer: BaseProducer = config.set("transactional.id", format!("{prefix}open")).create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        for output in outputs {
            let topic = format!("{prefix}{}", output.target.topic.name());
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(&topic).partition(output.target.partition as i32);
            (record.key, record.payload) = (output.key, output.value);
            producer.send(record).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        Some(Box::new(move |end| match end {
            End::Committed => producer.commit_transaction(PATIENCE).unwrap(),
            End::Dropped => producer.abort_transaction(PATIENCE).unwrap(),
        }))
    }
}

bus::contract_tests!(crate::contract::OnKafka::default());
