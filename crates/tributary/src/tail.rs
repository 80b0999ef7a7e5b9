//! `tributary tail TOPIC`: a topic's records, one JSON object a line, from beside whoever owns the log.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use bus::{Reader, Record, SharedBus, Source};
use clap::Args;
use events::text::write_json_str;
use events::{NextOffset, Topic};
use serde_json::value::RawValue;
use service::{BusArgs, LogArgs};

/// How long it waits before it looks again where no partition had anything new.
const PAUSE: Duration = Duration::from_millis(100);

/// Prints a topic's records, one JSON object a line: partition, offset, time (when the bus took it), key, value.
///
/// Records of one partition come in order; those of different partitions in any. Goes on until it is stopped.
#[derive(Args, Clone, Debug)]
pub struct TailArgs {
    /// The topic: hits, rejected, hits.enriched, sessions, sessions.open or late.
    pub topic: Topic,
    /// Start behind the last record instead of at the first that is kept.
    #[arg(long)]
    pub from_end: bool,
    /// Stop at the end instead of waiting for more.
    #[arg(long)]
    pub no_follow: bool,
    /// Only this partition.
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// Which log.
    #[command(flatten)]
    pub bus: BusArgs,
    /// What it says about itself.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Prints records until the end, or for ever; a reader that goes away (`| head`) ends it without an error.
pub fn run(args: &TailArgs) -> Result<()> {
    crate::quiet::init_log(&args.log)?;
    let bus = crate::beside::open(&args.bus)?;
    let result = follow(args, &bus, &mut io::BufWriter::new(io::stdout().lock()));
    match result {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// One partition, and how far to read it.
struct Place {
    source: Source,
    reader: Box<dyn Reader>,
    /// Where it ended at the start.
    end: NextOffset,
}

fn follow(args: &TailArgs, bus: &SharedBus, out: &mut impl Write) -> Result<()> {
    let mut places = open_places(args, bus)?;
    loop {
        let mut is_idle = true;
        for place in &mut places {
            if args.no_follow && place.reader.position() >= place.end {
                continue;
            }
            let records = place.reader.next(Duration::ZERO)?;
            is_idle &= records.is_empty();
            for record in &records {
                if !args.no_follow || record.offset.next() <= place.end {
                    out.write_all(&line(place.source.partition, record))?;
                }
            }
        }
        let at_end = places.iter().all(|place| place.reader.position() >= place.end);
        if args.no_follow && at_end {
            out.flush()?;
            return Ok(());
        }
        if is_idle {
            // On Kafka records take a moment to come, and what an open transaction holds back may take longer.
            out.flush()?;
            std::thread::sleep(PAUSE);
        }
    }
}

fn open_places(args: &TailArgs, bus: &SharedBus) -> Result<Vec<Place>> {
    let partitions = bus.partitions();
    let wanted = match args.partition {
        Some(partition) if partition >= partitions => {
            anyhow::bail!("there is no partition {partition}: the log has {partitions}, counted from 0")
        }
        Some(partition) => partition..partition + 1,
        None => 0..partitions,
    };
    let open = |partition| {
        let source = Source { topic: args.topic, partition };
        let bounds = bus.bounds(source)?;
        let from = if args.from_end { bounds.end } else { bounds.start };
        Ok(Place { source, reader: bus.read(source, from)?, end: bounds.end })
    };
    wanted.map(open).collect::<Result<_, bus::BusError>>().context("the log cannot be read")
}

/// A record as a line. The value stands as it is; what is no JSON stands as a string.
fn line(partition: u32, record: &Record) -> Vec<u8> {
    let mut line = Vec::with_capacity(128 + record.value.as_ref().map_or(0, bytes::Bytes::len));
    line.extend_from_slice(
        format!(
            "{{\"partition\":{partition},\"offset\":{},\"time\":\"{}\",\"key\":",
            record.offset, record.append_time
        )
        .as_bytes(),
    );
    match &record.key {
        Some(key) => write_json_str(&mut line, &String::from_utf8_lossy(key)),
        None => line.extend_from_slice(b"null"),
    }
    line.extend_from_slice(b",\"value\":");
    match &record.value {
        None => line.extend_from_slice(b"null"),
        Some(value) => match serde_json::from_slice::<&RawValue>(value) {
            // A line feed within JSON is space between its parts: one inside a string is escaped.
            Ok(json) => {
                line.extend(json.get().bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
            }
            Err(_) => write_json_str(&mut line, &String::from_utf8_lossy(value)),
        },
    }
    line.extend_from_slice(b"}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use events::{Offset, Timestamp};

    fn shown(key: Option<&'static [u8]>, value: Option<&'static [u8]>) -> String {
        let record = Record {
            offset: Offset(7),
            append_time: Timestamp::from_millis(1_793_577_600_000),
            key: key.map(Bytes::from_static),
            value: value.map(Bytes::from_static),
        };
        String::from_utf8(line(2, &record)).unwrap()
    }

    #[test]
    fn a_record_is_one_line_of_json_whatever_it_holds() {
        let lines = [
            shown(Some(b"shop.example/v1"), Some(b"{\"type\":\"pageview\",\"n\":1.50}")),
            shown(None, Some(b"{\"props\":{\n  \"a\": \"b\\nc\"\r\n}}")),
            shown(Some(b"shop.example/v1/s1"), None),
            shown(Some(b"\xff\""), Some(b"no \"json\" \xff\n")),
        ];
        insta::assert_snapshot!(lines.concat());
        for line in lines {
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            serde_json::from_str::<serde_json::Value>(&line).unwrap();
        }
    }
}
