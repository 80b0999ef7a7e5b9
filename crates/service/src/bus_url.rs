//! Which bus: the value of `--bus`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the log is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BusUrl {
    /// An embedded log in this folder: `embedded:PATH`.
    Embedded(PathBuf),
    /// Apache Kafka at these brokers: `kafka://host:9092,host2:9092`.
    Kafka(Vec<String>),
}

/// A text that names no bus.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadBusUrl {
    /// Neither a folder nor brokers.
    #[error("`{0}` is no bus: write embedded:PATH or kafka://HOST:PORT,HOST:PORT")]
    Form(String),
    /// What stands before an `@`, which is not said again: somebody may read along.
    #[error(
        "a login does not belong in the URL: write --bus kafka://HOST:PORT, and give it in the file of --kafka-config, or as the variables \
         TRIBUTARY_KAFKA_USERNAME and TRIBUTARY_KAFKA_PASSWORD"
    )]
    Login,
}

impl FromStr for BusUrl {
    type Err = BadBusUrl;

    fn from_str(text: &str) -> Result<Self, BadBusUrl> {
        let error = || BadBusUrl::Form(text.chars().take(200).collect());
        if let Some(path) = text.strip_prefix("embedded:") {
            return if path.is_empty() { Err(error()) } else { Ok(Self::Embedded(path.into())) };
        }
        if text.contains('@') {
            return Err(BadBusUrl::Login);
        }
        let brokers = text.strip_prefix("kafka://").ok_or_else(error)?;
        let has_port = |broker: &str| {
            broker.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        let brokers: Vec<String> = brokers.trim_end_matches('/').split(',').map(str::to_owned).collect();
        if brokers.iter().all(|broker| has_port(broker)) { Ok(Self::Kafka(brokers)) } else { Err(error()) }
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(path) => write!(f, "embedded:{}", path.display()),
            Self::Kafka(brokers) => write!(f, "kafka://{}", brokers.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_is_a_folder_or_brokers_with_ports() {
        for text in ["embedded:./data/bus", "kafka://a:9092", "kafka://a:9092,[::1]:9093"] {
            assert_eq!(text.parse::<BusUrl>().unwrap().to_string(), text);
        }
        for text in
            ["", "embedded:", "./data/bus", "kafka://", "kafka://a", "kafka://a:9092,", "kafka://:9092", "amqp://a:1"]
        {
            assert!(text.parse::<BusUrl>().is_err(), "{text} was taken");
        }
    }
    #[test]
    fn a_login_is_refused_and_not_said_again() {
        for text in ["kafka://user:secret@host:9092", "kafka:user:secret@host", "user:secret@host:9092"] {
            let error = text.parse::<BusUrl>().unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("--kafka-config"), "{error}");
        }
        assert!("embedded:/data/a@b".parse::<BusUrl>().is_ok(), "a folder may be called so");
    }
}
