//! An engine out of the state topic, as it was when the position was committed.

use std::time::{Duration, Instant};

use bus::{BusError, SharedBus, Source};
use events::{NextOffset, Topic};
use service::{Readiness, Shutdown, metrics as name};
use sessions::{Engine, Input, Outputs, Restore};

use crate::Error;
use crate::config::Config;

/// How long one read waits; only a log that does not hold what it promised lets it come to that.
const PATIENCE: Duration = Duration::from_secs(30);

/// Loads a partition: the checkpoint, then the log from there to the position, whose outputs were committed
/// before and are thrown away. A partition that nothing was committed for starts at the log's start.
///
/// `out` takes what must be said anew: which offsets retention took away.
pub(crate) fn restore(
    config: &Config,
    bus: &SharedBus,
    partition: u32,
    out: &mut Outputs,
    readiness: &Readiness,
    shutdown: &Shutdown,
) -> Result<Engine, Error> {
    let started = Instant::now();
    readiness.not_ready(format!("restoring partition {partition}"));
    let hits = Source { topic: Topic::Hits, partition };
    let label = partition.to_string();
    let mut restore = Restore::default();
    let state = Source { topic: Topic::SessionsOpen, partition };
    let mut records = 0u64;
    read_through(bus, state, NextOffset::START, bus.bounds(state)?.end, shutdown, |record| {
        records += 1;
        if let Some(key) = &record.key {
            restore.record(key, record.value.as_deref());
        }
    })?;
    metrics::gauge!(name::RESTORE_RECORDS, "partition" => label.clone()).set(records as f64);

    let restored = restore.finish(partition, bus.partitions()).map_err(|error| Error::State { partition, error })?;
    let bounds = bus.bounds(hits)?;
    let (mut engine, position) = match restored {
        Some(restored) => (restored.engine, restored.position),
        None => (Engine::new(partition, config.settings), NextOffset::START),
    };
    if position > bounds.end {
        return Err(Error::StateAhead { partition, position, end: bounds.end });
    }
    let from = engine.position();
    let mut thrown_away = Outputs::default();
    read_through(bus, hits, from, position, shutdown, |record| {
        if record.offset.next() <= position {
            let value = record.value.as_deref();
            engine.apply(Input { offset: record.offset, append_time: record.append_time, value }, &mut thrown_away);
            thrown_away.clear();
        }
    })?;
    // Offsets without a record, such as transaction markers, may stand before the position.
    engine.advance_to(position);
    if bounds.start > engine.position() {
        tracing::error!(
            partition, position = %engine.position(), start = %bounds.start,
            "records of `hits` were removed before they were read; going on at the log's start"
        );
        engine.skip_to(bounds.start, (config.clock)(), out);
    }
    tracing::info!(
        partition, position = %position, records, replayed = position.0 - from.0,
        open_sessions = engine.open_sessions(), took = ?started.elapsed(), "restored"
    );
    Ok(engine)
}

/// Reads a partition from a position until another one is reached.
fn read_through(
    bus: &SharedBus,
    source: Source,
    from: NextOffset,
    until: NextOffset,
    shutdown: &Shutdown,
    mut each: impl FnMut(&bus::Record),
) -> Result<(), Error> {
    if from >= until {
        return Ok(());
    }
    let mut reader = bus.read(source, from)?;
    let mut waited = Instant::now();
    while reader.position() < until {
        let records = reader.next(Duration::from_millis(200))?;
        records.iter().for_each(&mut each);
        if !records.is_empty() {
            waited = Instant::now();
        } else if reader.position() < until && (waited.elapsed() > PATIENCE || shutdown.is_cancelled()) {
            let detail = format!("{source} ends at {} and not at {until}", reader.position());
            return Err(BusError::Unavailable(detail).into());
        }
    }
    Ok(())
}
