//! The log that a replay runs through: a fresh one that is thrown away, or the one that `--bus` names.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bus::embedded::{Durability, EmbeddedBus, Options, Retention};
use bus::kafka::{self, KafkaBus, Stamps};
use bus::{BusError, SharedBus, Source};
use events::{LogId, NextOffset, Topic};
use service::{BusArgs, BusUrl, kafka_options};
use tempfile::TempDir;

/// An empty log, open.
pub struct ReplayBus {
    /// The log.
    pub bus: SharedBus,
    /// The folder of a log that is thrown away; removed when this is dropped, whatever happened.
    _folder: Option<TempDir>,
}

/// Opens an empty log under the replay's id.
pub fn open(args: &BusArgs, log_id: LogId) -> Result<ReplayBus> {
    match &args.bus {
        None => {
            let folder = tempfile::Builder::new().prefix("tributary-replay-").tempdir();
            let folder = folder.context("no folder for the replay's bus can be made; TMPDIR names another place")?;
            // Nobody relies on a log that goes at the end: what a killed replay leaves is not read again.
            let bus = embedded(args, folder.path(), log_id, Durability::Unsynced, Retention::FOREVER)?;
            Ok(ReplayBus { bus, _folder: Some(folder) })
        }
        Some(BusUrl::Embedded(path)) => {
            let bus = embedded(args, path, log_id, Durability::Synced, Retention::default())?;
            if !is_empty(&bus)? {
                bail!("--bus embedded:{}: it holds records; a replay needs a bus without any", path.display());
            }
            Ok(ReplayBus { bus, _folder: None })
        }
        Some(url @ BusUrl::Kafka(brokers)) => {
            let bus = on_kafka(args, brokers, log_id).with_context(|| format!("--bus {url}"))?;
            if !is_empty(&bus)? {
                bail!(
                    "--bus {url}: the topics of --topic-prefix {} hold records; a replay needs topics without any: name \
                     another prefix",
                    args.topic_prefix
                );
            }
            Ok(ReplayBus { bus, _folder: None })
        }
    }
}

fn embedded(
    args: &BusArgs,
    path: &Path,
    log_id: LogId,
    durability: Durability,
    retention: Retention,
) -> Result<SharedBus> {
    let options =
        Options { partitions: args.partitions, log_id: Some(log_id), durability, retention, ..Options::at(path) };
    Ok(Arc::new(EmbeddedBus::open(options)?))
}

/// Topics whose records carry the times of the lines. Nobody waits for an answer as a browser does, so that a broker may be
/// away for longer.
fn on_kafka(args: &BusArgs, brokers: &[String], log_id: LogId) -> Result<SharedBus> {
    let options = kafka_options(args, brokers.to_vec())?;
    let limits = kafka::Limits { publish: options.limits.request, ..options.limits };
    let options = kafka::Options { stamps: Stamps::Record, log_id: Some(log_id), limits, ..options };
    Ok(Arc::new(KafkaBus::open(options)?))
}

/// Whether no topic holds a record, or ever held one.
fn is_empty(bus: &SharedBus) -> Result<bool, BusError> {
    for topic in Topic::ALL {
        for partition in 0..bus.partitions() {
            if bus.bounds(Source { topic, partition })?.end > NextOffset::START {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::Outgoing;
    use bytes::Bytes;
    use clap::Parser;
    use futures::executor::block_on;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        bus: BusArgs,
    }

    fn args(bus: &[&str]) -> BusArgs {
        Flags::parse_from([&["replay"], bus].concat()).bus
    }

    fn id() -> LogId {
        LogId::from_bits(7)
    }

    #[test]
    fn a_bus_of_its_own_carries_the_replays_id_and_goes_at_the_end() {
        let replay = open(&args(&["--partitions", "3"]), id()).unwrap();
        assert_eq!((replay.bus.log_id().unwrap(), replay.bus.partitions()), (id(), 3));
        let folder = replay._folder.as_ref().unwrap().path().to_owned();
        assert!(folder.exists());
        drop(replay);
        assert!(!folder.exists());
    }

    #[test]
    fn a_bus_that_holds_a_record_in_any_topic_is_not_empty() {
        let dir = tempfile::tempdir().unwrap();
        let named = args(&["--bus", &format!("embedded:{}", dir.path().join("bus").display())]);
        let replay = open(&named, id()).unwrap();
        assert!(is_empty(&replay.bus).unwrap());
        let record = Outgoing {
            topic: Topic::Late,
            partition: Some(3),
            key: None,
            value: Bytes::from_static(b"{}"),
            append_time: None,
        };
        block_on(replay.bus.publish(vec![record])).unwrap();
        assert!(!is_empty(&replay.bus).unwrap());
        drop(replay);
        assert!(dir.path().join("bus").exists());
    }
}
