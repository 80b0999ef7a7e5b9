//! Reads both sides, while others may be writing them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use bus::{SharedBus, Source};
use events::NextOffset;
use lake::{Audit, Committer, Fault, Lake, Mark, Next, OffsetRange, Series, TableFiles};
use tables::Table;

use super::check::{Check, LogSide, Unfinished, settled};
use super::doubles::{Doubles, SameId};
use super::report::Found;

/// The longest wait for records that the log says it has.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest wait for records that may not be committed.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Every table's every partition of every log that the lake knows, and of the one at hand. Reads the files whole where it is
/// said how many bytes of memory their ids may take.
pub(super) async fn gather(lake: &Lake, bus: Option<&SharedBus>, memory_for_ids: Option<usize>) -> Result<Found> {
    // What is said to be complete was complete before it was said: the claims come first.
    let mut claims = BTreeMap::new();
    for table in Table::ALL {
        claims.insert(table, lake.completeness(table).await?);
    }
    // Files before the chains: a chain's first record stands before its first file.
    let mut files = Vec::new();
    for table in Table::ALL {
        files.push(lake.table_files(table).await?);
    }
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
    let is_known = |of: &Series| series.contains(&(of.log_id.clone(), of.table, of.partition));
    let strangers = files.into_iter().flat_map(|files| strangers(files, is_known)).collect();
    let mut checks = Vec::with_capacity(series.len());
    for (log_id, table, partition) in series {
        let bus = at_hand.as_ref().filter(|(id, _)| *id == log_id).map(|(_, bus)| *bus);
        let claim =
            claims[&table].as_ref().and_then(|found| found.logs.get(&log_id)?.partitions.get(&partition).copied());
        checks.push(check(lake, bus, Series { table, log_id, partition }, claim).await?);
    }
    if let Some(memory) = memory_for_ids {
        let one_table = |a: &Check, b: &Check| {
            a.audit.series.log_id == b.audit.series.log_id && a.audit.series.table == b.audit.series.table
        };
        for of_table in checks.chunk_by_mut(one_table) {
            read_whole(lake, of_table, memory).await?;
        }
    }
    Ok(Found { checks, strangers })
}

/// Files that no chain speaks for, in words.
fn strangers(files: TableFiles, is_known: impl Fn(&Series) -> bool) -> Vec<String> {
    let foreign = files
        .foreign
        .iter()
        .map(|path| format!("`{path}` is no file of this lake's, and who reads the folder reads it too: move it away"));
    let without_chain = files.chains.iter().filter(|(series, _)| !is_known(series)).map(|(series, (count, first))| {
        format!("{count} files such as `{first}` are of {series}, of which no batch record stands in `_batches`")
    });
    foreign.chain(without_chain).collect()
}

/// Reads every file of one table of one log.
async fn read_whole(lake: &Lake, checks: &mut [Check], memory: usize) -> Result<()> {
    let rows = checks.iter().map(|check| check.audit.rows).sum();
    let mut doubles = Doubles::new(rows, memory).context("no room for temporary files")?;
    for check in &mut *checks {
        let found = lake.audit_deep(check.audit.series.clone(), &mut doubles).await?;
        // What may have changed since the first look was looked at then; files never change.
        let is_of_a_file = |fault: &Fault| matches!(fault, Fault::Row { .. } | Fault::BadFile { .. });
        let new = found.faults.iter().filter(|fault| is_of_a_file(fault) && !check.audit.faults.contains(fault));
        check.faults.extend(new.map(ToString::to_string));
    }
    let (named, all) = doubles.find().context("temporary files")?;
    let Some(first) = checks.first_mut() else { return Ok(()) };
    let unnamed = all - named.len() as u64;
    let say = |SameId { first: (file, row), other: (other, at) }| {
        format!("`{other}`: row {at} has the id of row {row} of `{file}`")
    };
    first.faults.extend(named.into_iter().map(say));
    first.faults.extend((unnamed > 0).then(|| format!("and {unnamed} more rows have the id of another one")));
    Ok(())
}

async fn check(lake: &Lake, bus: Option<&SharedBus>, series: Series, claim: Option<Mark>) -> Result<Check> {
    let (audit, unfinished) = audit(lake, &series).await?;
    // The lake before the log: what is written meanwhile makes the log longer, never the lake ahead of it.
    let source = Source { topic: series.table.topic(), partition: series.partition };
    let log = bus.map(|bus| log_side(bus, source, audit.complete_through)).transpose()?;
    Ok(Check::new(audit, log, unfinished.as_ref()).holding(claim))
}

/// An audit takes a while, and batches may come in between: only what two of them find is a fault. What the second one lacks may
/// also be of the batch that was on its way when that began.
async fn audit(lake: &Lake, series: &Series) -> Result<(Audit, Option<Unfinished>)> {
    let first = lake.audit(series.clone()).await?;
    if first.is_sound() {
        return Ok((first, None));
    }
    let unfinished = match Committer::open(lake, series.clone()).await?.next() {
        Next::Finish(record) => Some(Unfinished {
            range: OffsetRange { from: record.start, to: record.end },
            files: record.files.iter().map(|file| file.path.clone()).collect(),
        }),
        Next::Append(_) => None,
    };
    Ok(settled(&first, lake.audit(series.clone()).await?, unfinished))
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
    let is_read = reader.position() >= through.min(bounds.end);
    let is_whole = is_read && bounds.start == NextOffset::START && bus.bounds(source)?.start == NextOffset::START;
    Ok(LogSide { bounds, records, pending, is_whole })
}
