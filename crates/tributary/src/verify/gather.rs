//! Reads both sides, while others may be writing them.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use bus::{SharedBus, Source};
use events::NextOffset;
use lake::{Audit, Committer, Lake, Next, OffsetRange, Series};
use tables::Table;

use super::check::{Check, LogSide, Unfinished};

/// The longest wait for records that the log says it has.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest wait for records that may not be committed.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Every table's every partition of every log that the lake knows, and of the one at hand.
pub(super) async fn gather(lake: &Lake, bus: Option<&SharedBus>) -> Result<Vec<Check>> {
    let at_hand = bus.map(|bus| Ok::<_, bus::BusError>((bus.log_id()?, bus))).transpose()?;
    let mut series = BTreeSet::new();
    for table in Table::ALL {
        for log_id in lake.log_ids(table).await? {
            for partition in lake.partitions(table, &log_id).await? {
                series.insert((log_id.clone(), table, partition));
            }
        }
        if let Some((log_id, bus)) = &at_hand {
            series.extend((0..bus.partitions()).map(|partition| (log_id.clone(), table, partition)));
        }
    }
    let mut checks = Vec::with_capacity(series.len());
    for (log_id, table, partition) in series {
        let bus = at_hand.as_ref().filter(|(id, _)| *id == log_id).map(|(_, bus)| *bus);
        checks.push(check(lake, bus, Series { table, log_id, partition }).await?);
    }
    Ok(checks)
}

async fn check(lake: &Lake, bus: Option<&SharedBus>, series: Series) -> Result<Check> {
    let audit = audit(lake, &series).await?;
    let unfinished = match Committer::open(lake, series.clone()).await?.next() {
        Next::Finish(record) => Some(Unfinished {
            range: OffsetRange { from: record.start, to: record.end },
            files: record.files.iter().map(|file| file.path.clone()).collect(),
        }),
        Next::Append(_) => None,
    };
    // The lake before the log: what is written meanwhile makes the log longer, never the lake ahead of it.
    let source = Source { topic: series.table.topic(), partition: series.partition };
    let log = bus.map(|bus| log_side(bus, source, audit.complete_through)).transpose()?;
    Ok(Check::new(audit, log, unfinished.as_ref()))
}

/// An audit takes a while, and batches may come in between: only what two of them find is a fault.
async fn audit(lake: &Lake, series: &Series) -> Result<Audit> {
    let first = lake.audit(series.clone()).await?;
    if first.is_sound() {
        return Ok(first);
    }
    let mut second = lake.audit(series.clone()).await?;
    second.faults.retain(|fault| first.faults.contains(fault));
    Ok(second)
}

fn log_side(bus: &SharedBus, source: Source, through: NextOffset) -> Result<LogSide> {
    let bounds = bus.bounds(source)?;
    let mut reader = bus.read(source, bounds.start)?;
    let (mut records, mut pending) = (0, 0);
    while reader.position() < bounds.end {
        let before = reader.position();
        // Behind what the lake has, a transaction that is open may hold the rest back: that is no record yet.
        let read = reader.next(if before < through { READ_TIMEOUT } else { OPEN_TIMEOUT })?;
        if reader.position() == before {
            break;
        }
        for record in read.iter().filter(|record| record.offset.next() <= bounds.end) {
            *if record.offset.next() <= through { &mut records } else { &mut pending } += 1;
        }
    }
    Ok(LogSide { bounds, records, pending })
}
