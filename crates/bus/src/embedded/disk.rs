//! Reads records from the file, by short transactions, and checks what it reads.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use events::{NextOffset, Timestamp};
use rusqlite::{Connection, Row, params};

use super::batch::{BATCH_BYTES, Batch, Layout};
use super::compaction::Slice;
use super::tail::Standing;
use super::{fault, file, place};
use crate::{BusError, Record, Source};

/// Reading connections, handed out one look at a time.
pub(super) struct Disk {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// What a look brought.
pub(super) struct Chunk {
    pub(super) records: Vec<Record>,
    /// Where the next look goes on; it moves over offsets that hold no record.
    pub(super) position: NextOffset,
}

impl Disk {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, idle: Mutex::default() }
    }

    /// Closes the connections. The writer's must be the last one: it alone can empty the write-ahead log into the file.
    pub(super) fn close(&mut self) {
        self.idle.get_mut().expect("nobody panics while holding the idle connections").clear();
    }

    /// Reads about a megabyte from a position on, up to the end that is given.
    pub(super) fn read(&self, source: Source, from: NextOffset, end: NextOffset) -> Result<Chunk, BusError> {
        let idle = || self.idle.lock().expect("nobody panics while holding the idle connections");
        let pooled = idle().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => file::reading_connection(&self.file)?,
        };
        let chunk = read(&connection, &self.file, source, from, end)?;
        idle().push(connection);
        Ok(chunk)
    }
}

/// Reads about a megabyte from a position on, up to the end that is given.
pub(super) fn read(
    connection: &Connection,
    file: &Path,
    source: Source,
    from: NextOffset,
    end: NextOffset,
) -> Result<Chunk, BusError> {
    read_batches(connection, source, from, end).map_err(|trouble| trouble.at(file, source, from))
}

/// The batches that begin at a position or behind it, up to an end, as many as stay within the sizes that are given;
/// at least one where there is one.
pub(super) fn batches(
    connection: &Connection,
    file: &Path,
    source: Source,
    (from, end): (NextOffset, NextOffset),
    most: Slice,
) -> Result<Vec<Batch>, BusError> {
    let read = || -> Result<Vec<Batch>, Trouble> {
        let mut query = connection.prepare_cached(
            "SELECT id, next_offset, append_time, layout, checksum, records FROM batches
             WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
        )?;
        let mut rows =
            query.query(params![place::row_id(source, from), place::row_id(source, end), most.batches as i64])?;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let batch = checked(row, source)?;
            bytes += batch.bytes.len();
            if !batches.is_empty() && bytes > most.bytes {
                break;
            }
            batches.push(batch);
        }
        Ok(batches)
    };
    read().map_err(|trouble| trouble.at(file, source, from))
}

enum Trouble {
    Sqlite(rusqlite::Error),
    Damaged(String),
}

impl Trouble {
    fn at(self, file: &Path, source: Source, from: NextOffset) -> BusError {
        match self {
            Self::Sqlite(error) => match fault::at(file, "read", &error) {
                BusError::Damaged(text) => BusError::Damaged(format!("{text} ({source} from offset {from} on)")),
                other => other,
            },
            Self::Damaged(what) => BusError::Damaged(format!("{}: {source}: {what}", file.display())),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn read_batches(connection: &Connection, source: Source, from: NextOffset, end: NextOffset) -> Result<Chunk, Trouble> {
    let mut query = connection.prepare_cached(
        "SELECT id, next_offset, append_time, layout, checksum, records FROM batches
         WHERE id >= coalesce((SELECT max(id) FROM batches WHERE id >= ?1 AND id <= ?2), ?2) AND id < ?3
         ORDER BY id",
    )?;
    let [first, at, last] = [NextOffset::START, from, end].map(|offset| place::row_id(source, offset));
    let mut rows = query.query(params![first, at, last])?;
    let mut chunk = Chunk { records: Vec::new(), position: from };
    let mut bytes = 0;
    let mut is_anything_there = false;
    while let Some(row) = rows.next()? {
        is_anything_there = true;
        let size = row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?.len();
        if bytes > 0 && bytes + size > BATCH_BYTES {
            break;
        }
        bytes += size;
        let batch = checked(row, source)?;
        if batch.base.0 > chunk.position.0 && !is_cut(connection, source, chunk.position)? {
            let (gap, next) = (chunk.position, batch.base);
            return Err(Trouble::Damaged(format!("offsets from {gap} to below {next} are missing")));
        }
        batch
            .decode(chunk.position, &mut chunk.records)
            .ok_or_else(|| Trouble::Damaged(format!("the batch at offset {} cannot be read", batch.base)))?;
        chunk.position = chunk.position.max(batch.next);
    }
    // What compaction left may cover all offsets up to the end and hold no record.
    if !is_anything_there {
        let last = NextOffset(end.0 - 1);
        if !is_cut(connection, source, last)? {
            return Err(Trouble::Damaged(format!("offsets from {from} to below {end} are missing")));
        }
        // Retention was faster than this reader.
        chunk.position = end;
    }
    Ok(chunk)
}

/// Whether retention has taken what stood at a position.
fn is_cut(connection: &Connection, source: Source, position: NextOffset) -> rusqlite::Result<bool> {
    let start: i64 = connection
        .prepare_cached("SELECT start_offset FROM partitions WHERE place = ?1")?
        .query_row([place::place(source)], |row| row.get(0))?;
    Ok(position.0 < start)
}

fn checked(row: &Row<'_>, source: Source) -> Result<Batch, Trouble> {
    let id: i64 = row.get(0)?;
    let code: i64 = row.get(3)?;
    let base = place::offset_in(id);
    let batch = Batch {
        base,
        next: NextOffset(row.get(1)?),
        taken: Timestamp::from_millis(row.get(2)?),
        layout: Layout::of_code(code)
            .ok_or_else(|| Trouble::Damaged(format!("the batch at offset {base} has a layout {code}, unknown")))?,
        bytes: Bytes::copy_from_slice(row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?),
    };
    if batch.checksum(id) == row.get::<_, i64>(4)? {
        Ok(batch)
    } else {
        let (base, next) = (batch.base, batch.next);
        Err(Trouble::Damaged(format!("the batch of {source} at offsets {base} to below {next} fails its checksum")))
    }
}

/// Where one partition stands, as the file says.
pub(super) fn standing(connection: &Connection, file: &Path, source: Source) -> Result<Standing, BusError> {
    let mut query = connection
        .prepare_cached("SELECT start_offset, next_offset, append_time, bytes FROM partitions WHERE place = ?1")
        .map_err(|error| fault::at(file, "read", &error))?;
    let standing = query.query_row([place::place(source)], |row| {
        Ok(Standing {
            start: NextOffset(row.get(0)?),
            end: NextOffset(row.get(1)?),
            stamped: Timestamp::from_millis(row.get(2)?),
            bytes: row.get(3)?,
        })
    });
    standing.map_err(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => {
            BusError::Damaged(format!("{} does not say where {source} ends", file.display()))
        }
        other => fault::at(file, "read", &other),
    })
}

/// Checks that the records end where the file says that they do.
pub(super) fn check_end(
    connection: &Connection,
    file: &Path,
    source: Source,
    standing: &Standing,
) -> Result<(), BusError> {
    let low = place::row_id(source, NextOffset::START);
    let last = connection
        .prepare_cached("SELECT next_offset FROM batches WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1")
        .and_then(|mut query| {
            let mut rows = query.query(params![low, place::row_limit(source)])?;
            rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()
        })
        .map_err(|error| fault::at(file, "read", &error))?;
    let last = last.map_or(standing.start, NextOffset);
    if last == standing.end {
        return Ok(());
    }
    let end = standing.end;
    Err(BusError::Damaged(format!("{}: {source} ends at {end}, but its records end at {last}", file.display())))
}

/// Tells the committed positions of all groups.
pub(super) fn each_position(
    connection: &Connection,
    file: &Path,
    mut tell: impl FnMut(&str, Source, NextOffset),
) -> Result<(), BusError> {
    let mut each = || -> rusqlite::Result<()> {
        let mut query = connection.prepare("SELECT consumer_group, place, next_offset FROM positions")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let group: String = row.get(0)?;
            if let Some(source) = place::source_of(row.get(1)?) {
                tell(&group, source, NextOffset(row.get(2)?));
            }
        }
        Ok(())
    };
    each().map_err(|error| fault::at(file, "read", &error))
}
