//! A log that somebody else writes, opened for reading alone.

use std::sync::Arc;

use anyhow::Result;
use bus::SharedBus;
use bus::embedded::EmbeddedBus;
use bus::kafka::{self, KafkaBus};
use service::{BusArgs, BusUrl, kafka_options};

/// Opens the log that the flags name, beside whoever writes it. Looking changes nothing: topics that are absent are not made,
/// and a log without an id gets none.
pub fn open(args: &BusArgs) -> Result<SharedBus> {
    match args.url() {
        BusUrl::Embedded(path) => Ok(EmbeddedBus::open_beside(&path)?),
        BusUrl::Kafka(brokers) => {
            let options = kafka::Options { reads_only: true, ..kafka_options(args, brokers)? };
            Ok(Arc::new(KafkaBus::open(options)?))
        }
    }
}
