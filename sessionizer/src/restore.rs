//! An engine out of the state topic, as it was when the position was committed.

use std::time::{Duration, Instant};

use bus::{Assignment, Record, SharedBus, Source};
use events::{Control, NextOffset, Topic};
use sessions::{Engine, Outputs, Restore};

use crate::Error;
use crate::config::{Config, GROUP, Mode};
use crate::partition::input;
use crate::progress::Progress;

/// A partition as it was when its position was committed.
pub(crate) struct Restored {
    pub(crate) engine: Engine,
    /// The position as of the checkpoint.
    pub(crate) from: NextOffset,
    /// What must be said anew: which offsets retention took away.
    pub(crate) out: Outputs,
    /// Whether no record stood behind the position.
    pub(crate) is_at_end: bool,
    /// Whether the last record before the position ended a bounded log.
    pub(crate) has_ended: bool,
}

/// Loads a partition: the checkpoint, then the log from there to the position, whose outputs were committed
/// before and are thrown away. A partition that nothing was committed for starts at the log's start. `None` when
/// it was cancelled before that was done.
///
/// The caller has asked for the group's position before: so what is committed up to that stands below the end of the
/// state topic that is taken here, even if a transaction of somebody else is still open in front of it.
pub(crate) fn restore(
    config: &Config,
    bus: &SharedBus,
    assignment: Assignment,
    progress: &mut Progress,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Restored>, Error> {
    let started = Instant::now();
    let Assignment { source: hits, committed } = assignment;
    let partition = hits.partition;
    let Some(restore) = read_state(config, bus, partition, progress, is_cancelled)? else {
        return Ok(None);
    };
    let (records, read_in) = (progress.records(), started.elapsed());

    let restored = restore.finish(partition, bus.partitions()).map_err(|error| Error::State { partition, error })?;
    let bounds = bus.bounds(hits)?;
    // Every step writes the state with the position. The log's start alone is committed before the first one.
    if restored.is_none()
        && config.mode == Mode::Live
        && let Some(position) = committed.filter(|position| *position > bounds.start)
    {
        return Err(Error::StateGone { partition, group: GROUP, position });
    }
    let (mut engine, position) = match restored {
        Some(restored) => (restored.engine, restored.position),
        None => (Engine::new(partition, config.settings), NextOffset::START),
    };
    if let Some(write) = config.bare {
        engine.write_bare(write);
    }
    if position > bounds.end {
        return Err(Error::StateAhead { partition, position, end: bounds.end });
    }
    let from = engine.position();
    if bounds.start > from && from < position {
        let lost_below = bounds.start.min(position);
        tracing::error!(
            partition, %from, %lost_below,
            "records of `hits` behind the last checkpoint were removed; sessions that were open lack those hits"
        );
    }
    let mut thrown_away = Outputs::default();
    let mut last = None;
    let (from_hits, stuck_after) = (from.min(before(position)), config.stuck_after);
    let stretch = Stretch { source: hits, from: from_hits, until: position, stuck_after };
    let is_read = read_through(bus, stretch, is_cancelled, progress, |records| {
        let processed = records.iter().filter(|record| record.offset.next() <= position);
        if let Some(record) = processed.clone().find(|record| record.offset.next() == position) {
            last.clone_from(&record.value);
        }
        engine.apply_all(processed.filter(|record| record.offset.0 >= from.0).map(input), &mut thrown_away);
        thrown_away.clear();
    })?;
    if !is_read {
        return Ok(None);
    }
    let mut out = Outputs::default();
    // Offsets without a record, such as transaction markers, may stand before the position.
    engine.advance_to(position);
    if bounds.start > engine.position() {
        tracing::error!(
            partition, position = %engine.position(), start = %bounds.start,
            "records of `hits` were removed before they were read; going on at the log's start"
        );
        engine.skip_to(bounds.start, (config.clock)(), &mut out);
    }
    tracing::info!(
        partition, position = %position, records, replayed = position.0 - from.0,
        open_sessions = engine.open_sessions(), ?read_in, took = ?started.elapsed(), "restored"
    );
    let is_at_end = engine.position() >= bounds.end;
    let has_ended = last.is_some_and(|value| matches!(Control::from_json(&value), Ok(Control::End)));
    Ok(Some(Restored { engine, from, out, is_at_end, has_ended }))
}

/// Reads the state topic from its start to its end; `None` when it was cancelled before that. Where that takes longer than
/// tombstones stay, one of them may have gone before it was read, and what it ended would stand again: so it starts over.
fn read_state(
    config: &Config,
    bus: &SharedBus,
    partition: u32,
    progress: &mut Progress,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Restore>, Error> {
    let source = Source { topic: Topic::SessionsOpen, partition };
    let (within, stuck_after) = (config.read_state_within, config.stuck_after);
    loop {
        let mut restore = Restore::default();
        let began = Instant::now();
        let is_late = || began.elapsed() > within;
        let stretch = Stretch { source, from: NextOffset::START, until: bus.bounds(source)?.end, stuck_after };
        let is_over = || is_cancelled() || is_late();
        let is_read = read_through(bus, stretch, &is_over, progress, |records| {
            let pairs = records.iter().filter_map(|record| Some((&**record.key.as_ref()?, record.value.as_deref())));
            restore.records(pairs);
        })?;
        // The last read may have been the slow one.
        if is_read && !is_late() {
            return Ok(Some(restore));
        }
        if is_cancelled() {
            return Ok(None);
        }
        tracing::warn!(
            partition, took = ?began.elapsed(), records = progress.records(), left = progress.left(),
            "reading the state took longer than the {within:?} that tombstones stay in it: starting over"
        );
        progress.start_over();
    }
}

/// The position of the record before a position.
fn before(position: NextOffset) -> NextOffset {
    NextOffset(position.0.max(1) - 1)
}

/// What is read of a partition.
struct Stretch {
    source: Source,
    from: NextOffset,
    until: NextOffset,
    stuck_after: Duration,
}

/// Reads it by position, since offsets without a record may stand at its end. `false` when it was cancelled before that.
/// Where nothing comes for long, somebody's transaction is open there: it is waited for, and the other partitions go on.
fn read_through(
    bus: &SharedBus,
    stretch: Stretch,
    is_cancelled: &dyn Fn() -> bool,
    progress: &mut Progress,
    mut each: impl FnMut(&[Record]),
) -> Result<bool, Error> {
    let Stretch { source, from, until, stuck_after } = stretch;
    if from >= until {
        return Ok(true);
    }
    let mut reader = bus.read(source, from)?;
    let mut waited = Instant::now();
    while reader.position() < until {
        if is_cancelled() {
            return Ok(false);
        }
        let before = reader.position();
        let records = reader.next(Duration::from_millis(200))?;
        each(&records);
        progress.read(source.topic, records.len(), reader.position(), until);
        if reader.position() > before {
            waited = Instant::now();
        } else if waited.elapsed() > stuck_after {
            progress.stand_still(format!(
                "{source} can be read up to {before} and not to {until}: a transaction stays open there"
            ));
            // If it is not the log but this reader, another one comes on.
            reader = bus.read(source, before)?;
            waited = Instant::now();
        }
    }
    Ok(true)
}
