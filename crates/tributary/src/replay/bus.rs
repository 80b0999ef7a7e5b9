//! The log that a replay runs through: a fresh one that is thrown away, or the one that `--bus` names.

use anyhow::{Context, Result, bail};
use bus::embedded::{Durability, EmbeddedBus, Options, Retention};
use bus::{Bus, BusError, Source};
use events::{LogId, NextOffset, Topic};
use service::{BusArgs, BusUrl};
use tempfile::TempDir;

/// An empty log, open.
pub struct ReplayBus {
    /// The log.
    pub bus: EmbeddedBus,
    /// The folder of a log that is thrown away; removed when this is dropped, whatever happened.
    _folder: Option<TempDir>,
}

/// Opens an empty log under the replay's id.
pub fn open(args: &BusArgs, log_id: LogId) -> Result<ReplayBus> {
    let (path, folder) = match &args.bus {
        None => {
            let folder = tempfile::Builder::new().prefix("tributary-replay-").tempdir();
            let folder = folder.context("no folder for the replay's bus can be made; TMPDIR names another place")?;
            (folder.path().to_owned(), Some(folder))
        }
        Some(BusUrl::Embedded(path)) => (path.clone(), None),
        Some(url @ BusUrl::Kafka(_)) => bail!("--bus {url}: this build has no Kafka client; name embedded:PATH"),
    };
    let is_ours = folder.is_some();
    let bus = EmbeddedBus::open(Options {
        partitions: args.partitions,
        log_id: Some(log_id),
        // Nobody relies on a log that goes at the end: what a killed replay leaves is not read again.
        durability: if is_ours { Durability::Unsynced } else { Durability::Synced },
        retention: if is_ours { Retention::FOREVER } else { Retention::default() },
        ..Options::at(&path)
    })?;
    if !is_empty(&bus)? {
        bail!("--bus embedded:{}: it holds records; a replay needs a bus without any", path.display());
    }
    Ok(ReplayBus { bus, _folder: folder })
}

/// Whether no topic holds a record, or ever held one.
fn is_empty(bus: &EmbeddedBus) -> Result<bool, BusError> {
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
