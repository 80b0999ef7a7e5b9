//! The log's id: the record `#log` in partition 0 of the state topic.
//!
//! Whoever needs it first and does not find it writes it, in a transaction under a name that is the same for all: of two
//! who do so at once, the later fences the earlier, looks again, and finds it or is the only one who writes.

use std::time::Duration;

use events::{LogId, NextOffset, Topic};
use uuid::Uuid;

use super::Shared;
use super::reader::PartitionReader;
use super::transaction::Transactions;
use crate::{BusError, LOG_KEY, Output, Reader, Source};

const PLACE: Source = Source { topic: Topic::SessionsOpen, partition: 0 };

/// How often it is tried again where others write it at the same time.
const ATTEMPTS: u32 = 5;

/// The id that the log has, or has from now on.
pub(super) fn find_or_write(shared: &Shared) -> Result<LogId, BusError> {
    let mut found = find(shared)?;
    for attempt in 1.. {
        if let Some(id) = found {
            return match &shared.options.log_id {
                Some(wanted) if *wanted != id => Err(BusError::Refused(format!(
                    "the log in {} has the id {}, not {}",
                    shared.names.topic(PLACE.topic),
                    id.as_str(),
                    wanted.as_str()
                ))),
                _ => Ok(id),
            };
        }
        if shared.options.reads_only {
            return Err(BusError::Refused(format!(
                "the log in {} has no id yet: no sessionizer has ever worked on it, so no lake holds any of it",
                shared.names.topic(PLACE.topic)
            )));
        }
        match write(shared) {
            Ok(()) => {}
            Err(BusError::Fenced(_)) if attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
        found = find(shared)?;
    }
    unreachable!("the last attempt returns")
}

/// Reads until it is found. It is among the first records of the partition: nothing was written before it.
fn find(shared: &Shared) -> Result<Option<LogId>, BusError> {
    let end = shared.watcher.bounds(shared.names.topic(PLACE.topic), PLACE.partition)?.end;
    if end == NextOffset::START {
        return Ok(None);
    }
    let mut reader =
        PartitionReader::new(&shared.options, shared.names.clone(), shared.watcher.clone(), PLACE, NextOffset::START)?;
    let mut patience = shared.options.stop.patience(shared.options.limits.request);
    while reader.position() < end {
        let before = reader.position();
        for record in reader.next(Duration::from_millis(200))? {
            if record.key.as_deref() == Some(LOG_KEY) {
                return parse(record.value.as_deref().unwrap_or_default()).map(Some);
            }
        }
        if reader.position() > before {
            patience = shared.options.stop.patience(shared.options.limits.request);
        } else if patience.is_over() {
            return Err(BusError::Unavailable(format!("{PLACE} cannot be read to its end at {end}")));
        }
    }
    Ok(None)
}

fn write(shared: &Shared) -> Result<(), BusError> {
    let transactions = Transactions::new(&shared.options, &shared.names.named("log"))?;
    // Now nobody else's write can come; what came before is seen.
    if find(shared)?.is_some() {
        return Ok(());
    }
    let id = shared.options.log_id.clone().unwrap_or_else(|| LogId::from_bits(Uuid::new_v4().as_u128()));
    let value = format!("\"{}\"", id.as_str());
    let record = Output { target: PLACE, key: Some(LOG_KEY), value: Some(value.as_bytes()) };
    Ok(transactions.run(&shared.names, &[record], None)?)
}

fn parse(value: &[u8]) -> Result<LogId, BusError> {
    let text = String::from_utf8_lossy(value);
    let text = text.trim_matches('"').to_owned();
    LogId::try_from(text).map_err(|error| BusError::Refused(format!("the record `#log` in {PLACE}: {error}")))
}
