//! Opening what the settings name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bus::embedded::{EmbeddedBus, Options, Retention};
use bus::kafka::properties::{self, Properties, PropertiesError};
use bus::kafka::{self, KafkaBus};
use bus::{BusError, SharedBus};
use events::Span;

use crate::bus_url::BusUrl;
use crate::settings::BusArgs;
use crate::shutdown;
use crate::units::ByteSize;

/// A bus that cannot be opened. One line.
#[derive(Debug, thiserror::Error)]
pub enum OpenBusError {
    /// The bus itself says why.
    #[error("--bus {url}: {error}")]
    Bus {
        /// Which bus.
        url: BusUrl,
        /// Why not.
        error: BusError,
    },
    /// The file of Kafka's settings cannot be read.
    #[error("--kafka-config {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file of Kafka's settings cannot be used.
    #[error("--kafka-config {}: {error}", path.display())]
    Properties {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: PropertiesError,
    },
    /// The environment's part of Kafka's settings cannot be used.
    #[error("the environment's TRIBUTARY_KAFKA_ variables: {0}")]
    Variables(PropertiesError),
}

impl OpenBusError {
    /// Whether nobody answered, so that trying again later may work.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Bus { error: BusError::Unavailable(_), .. })
    }
}

/// The least that a record has to be acknowledged in.
const LEAST_PUBLISH: Duration = Duration::from_secs(1);

/// Opens the bus that the settings name. An embedded one is made where there is none, and belongs to this process from then
/// on: a second one is refused. On Kafka, topics are made and checked.
pub fn open_bus(args: &BusArgs) -> Result<SharedBus, OpenBusError> {
    open(args, kafka::Limits::default())
}

/// The same for a process that takes requests, each of which waits so long for the bus: Kafka's client gives a record up
/// before the request that brought it.
pub fn open_bus_for_requests(args: &BusArgs, publish_timeout: Span) -> Result<SharedBus, OpenBusError> {
    open(args, limits_of_requests(publish_timeout))
}

fn open(args: &BusArgs, limits: kafka::Limits) -> Result<SharedBus, OpenBusError> {
    let failed = |error| OpenBusError::Bus { url: args.url(), error };
    match args.url() {
        BusUrl::Embedded(path) => Ok(Arc::new(EmbeddedBus::open(embedded_options(args, path)).map_err(failed)?)),
        BusUrl::Kafka(brokers) => {
            let options = kafka::Options { limits, ..kafka_options(args, brokers)? };
            Ok(Arc::new(KafkaBus::open(options).map_err(failed)?))
        }
    }
}

/// A record has four fifths of its request's time, and a second less than that time at least: librdkafka looks only once a
/// second for records that have waited too long.
fn limits_of_requests(publish_timeout: Span) -> kafka::Limits {
    let (limits, request) = (kafka::Limits::default(), publish_timeout.to_std());
    let spare = (request / 5).max(Duration::from_secs(1));
    // Never none: librdkafka takes that for no bound at all.
    let publish = request.saturating_sub(spare).clamp(LEAST_PUBLISH, limits.publish);
    kafka::Limits { publish, ..limits }
}

fn embedded_options(args: &BusArgs, path: PathBuf) -> Options {
    let bytes_per_partition = args.retention_bytes.map(ByteSize::bytes);
    let retention = Retention { age: Some(args.retention), bytes_per_partition };
    Options { partitions: args.partitions, retention, ..Options::at(path) }
}

/// What the settings say about a log on these brokers.
pub fn kafka_options(args: &BusArgs, brokers: Vec<String>) -> Result<kafka::Options, OpenBusError> {
    Ok(kafka::Options {
        partitions: args.partitions,
        replication_factor: args.replication_factor,
        create_topics: args.create_topics,
        retention: Some(args.retention),
        retention_bytes: args.retention_bytes.map(ByteSize::bytes),
        properties: kafka_properties(args)?,
        stop: shutdown::stop(),
        ..kafka::Options::at(brokers, &args.topic_prefix)
    })
}

fn kafka_properties(args: &BusArgs) -> Result<Properties, OpenBusError> {
    let variable = |name: &str| std::env::var(name).ok();
    let Some(path) = &args.kafka_config else {
        return properties::parse("", variable).map_err(OpenBusError::Variables);
    };
    let text = std::fs::read_to_string(path).map_err(|error| OpenBusError::File { path: path.clone(), error })?;
    properties::parse(&text, variable).map_err(|error| OpenBusError::Properties { path: path.clone(), error })
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
            create_topics: true,
            replication_factor: 1,
            retention: events::Span::from_hours(7 * 24),
            retention_bytes: None,
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
    fn a_log_keeps_as_much_as_the_settings_say() {
        let args = BusArgs { retention_bytes: Some("1GiB".parse().unwrap()), ..args("kafka://127.0.0.1:1") };
        let kept = (Some(args.retention), Some(1 << 30));
        let kafka = kafka_options(&args, Vec::new()).unwrap();
        assert_eq!((kafka.retention, kafka.retention_bytes), kept);
        let embedded = embedded_options(&args, "bus".into()).retention;
        assert_eq!((embedded.age, embedded.bytes_per_partition), kept);
    }

    #[test]
    fn a_record_is_given_up_before_the_request_that_brought_it() {
        let publish = |timeout: &str| limits_of_requests(timeout.parse().unwrap()).publish.as_millis();
        let timeouts = ["10s", "60s", "7d", "9s", "5s", "3s", "2s"];
        assert_eq!(timeouts.map(publish), [8000, 8000, 8000, 7200, 4000, 2000, 1000]);
        assert_eq!(limits_of_requests(Span::from_millis(1)).publish, LEAST_PUBLISH, "0 would be no bound");
    }

    #[test]
    fn a_file_of_settings_that_is_not_there_or_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kafka.properties");
        let args = BusArgs { kafka_config: Some(path.clone()), ..args("kafka://127.0.0.1:1") };
        let line = || open_bus(&args).map(|_| ()).unwrap_err().to_string();
        assert!(line().starts_with(&format!("--kafka-config {}: No such file", path.display())), "{}", line());
        std::fs::write(&path, "acks=0\n").unwrap();
        assert!(line().contains("line 1: `acks`"), "{}", line());
    }
}
