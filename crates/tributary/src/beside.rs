//! A log that another process may own, opened for reading alone.

use anyhow::{Result, bail};
use bus::SharedBus;
use bus::embedded::EmbeddedBus;
use service::{BusArgs, BusUrl};

/// Opens the log that the flags name, beside whoever writes it.
pub fn open(args: &BusArgs) -> Result<SharedBus> {
    match args.url() {
        BusUrl::Embedded(path) => Ok(EmbeddedBus::open_beside(&path)?),
        BusUrl::Kafka(_) => bail!("--bus {}: this build has no Kafka client; name embedded:PATH", args.url()),
    }
}
