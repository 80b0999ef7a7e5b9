//! Opening what the settings name.

use std::sync::Arc;

use bus::embedded::{EmbeddedBus, Options};
use bus::{BusError, SharedBus};

use crate::bus_url::BusUrl;
use crate::settings::BusArgs;

/// A bus that cannot be opened. One line.
#[derive(Debug, thiserror::Error)]
pub enum OpenBusError {
    /// This build has no client for Kafka.
    #[error("--bus {0}: this build has no Kafka client yet; use embedded:PATH")]
    NoKafka(BusUrl),
    /// The bus itself says why.
    #[error("--bus {url}: {error}")]
    Bus {
        /// Which bus.
        url: BusUrl,
        /// Why not.
        error: BusError,
    },
}

/// Opens the bus that the settings name; an embedded one is made where there is none. The process owns an embedded
/// bus from then on: a second one is refused.
pub fn open_bus(args: &BusArgs) -> Result<SharedBus, OpenBusError> {
    match args.url() {
        BusUrl::Embedded(path) => {
            let options = Options { partitions: args.partitions, ..Options::at(path) };
            let bus = EmbeddedBus::open(options).map_err(|error| OpenBusError::Bus { url: args.url(), error })?;
            Ok(Arc::new(bus))
        }
        url @ BusUrl::Kafka(_) => Err(OpenBusError::NoKafka(url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(bus: &str) -> BusArgs {
        BusArgs {
            data: "./data".into(),
            bus: Some(bus.parse().unwrap()),
            kafka_config: None,
            topic_prefix: "clickstream.".to_owned(),
            partitions: 3,
        }
    }

    #[test]
    fn an_embedded_bus_is_made_and_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&format!("embedded:{}", folder.path().join("bus").display()));
        let bus = open_bus(&args).unwrap();
        assert_eq!(bus.partitions(), 3);
        let error = open_bus(&args).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("--bus embedded:/") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn kafka_is_refused_in_one_line() {
        let error = open_bus(&args("kafka://a:9092")).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error, "--bus kafka://a:9092: this build has no Kafka client yet; use embedded:PATH");
    }
}
