//! Logs on the shared broker, each under a prefix of its own.

use std::sync::Arc;
use std::time::Duration;

use bus::SharedBus;
use bus::kafka::{KafkaBus, Limits, Options};

/// Times that suit a broker that answers at once.
pub(crate) fn limits() -> Limits {
    Limits { session: Duration::from_secs(6), ..Limits::default() }
}

/// The options of a log with four partitions under a prefix.
pub(crate) fn options(prefix: &str) -> Options {
    Options { limits: limits(), ..Options::at(vec![kafka_broker::shared().bootstrap()], prefix) }
}

/// The same log through a new handle.
pub(crate) fn open(prefix: &str) -> SharedBus {
    Arc::new(KafkaBus::open(options(prefix)).unwrap())
}
