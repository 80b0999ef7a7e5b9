//! Reads records from the file, by short transactions, and checks what it reads.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use events::{NextOffset, Timestamp};
use rusqlite::{Connection, Row, params};

use super::batch::{BATCH_BYTES, BATCH_RECORDS, Batch};
use super::tail::Standing;
use super::{fault, file, place, transaction};
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
    let look = if source.topic.is_compacted() { read_newest } else { read_batches };
    look(connection, source, from, end).map_err(|trouble| match trouble {
        Trouble::Sqlite(error) => match fault::at(file, "read", &error) {
            BusError::Damaged(text) => BusError::Damaged(format!("{text} ({source} from offset {from} on)")),
            other => other,
        },
        Trouble::Damaged(what) => BusError::Damaged(format!("{}: {source}: {what}", file.display())),
    })
}

enum Trouble {
    Sqlite(rusqlite::Error),
    Damaged(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn read_batches(connection: &Connection, source: Source, from: NextOffset, end: NextOffset) -> Result<Chunk, Trouble> {
    let mut query = connection.prepare_cached(
        "SELECT id, next_offset, append_time, timed, checksum, records FROM batches
         WHERE id >= coalesce((SELECT max(id) FROM batches WHERE id >= ?1 AND id <= ?2), ?2) AND id < ?3
         ORDER BY id",
    )?;
    let [first, at, last] = [NextOffset::START, from, end].map(|offset| place::row_id(source, offset));
    let mut rows = query.query(params![first, at, last])?;
    let mut chunk = Chunk { records: Vec::new(), position: from };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let size = row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?.len();
        if !chunk.records.is_empty() && bytes + size > BATCH_BYTES {
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
    if chunk.records.is_empty() {
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
    let batch = Batch {
        base: place::offset_in(id),
        next: NextOffset(row.get(1)?),
        taken: Timestamp::from_millis(row.get(2)?),
        timed: row.get(3)?,
        bytes: Bytes::copy_from_slice(row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?),
    };
    if batch.checksum(id) == row.get::<_, i64>(4)? {
        Ok(batch)
    } else {
        let (base, next) = (batch.base, batch.next);
        Err(Trouble::Damaged(format!("the batch of {source} at offsets {base} to below {next} fails its checksum")))
    }
}

fn read_newest(connection: &Connection, source: Source, from: NextOffset, end: NextOffset) -> Result<Chunk, Trouble> {
    let mut query = connection.prepare_cached(
        "SELECT id, append_time, checksum, key, value FROM newest WHERE id >= ?1 AND id < ?2 ORDER BY id",
    )?;
    let [at, last] = [from, end].map(|offset| place::row_id(source, offset));
    let mut rows = query.query(params![at, last])?;
    let mut chunk = Chunk { records: Vec::new(), position: from };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if bytes >= BATCH_BYTES || chunk.records.len() >= BATCH_RECORDS as usize {
            return Ok(chunk);
        }
        let id: i64 = row.get(0)?;
        let offset = place::offset_in(id);
        let time: i64 = row.get(1)?;
        let key = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
        let value = row.get_ref(4)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        if transaction::newest_checksum(id, time, key, value) != row.get::<_, i64>(2)? {
            return Err(Trouble::Damaged(format!("the record at offset {offset} fails its checksum")));
        }
        bytes += key.len() + value.map_or(0, <[u8]>::len);
        chunk.position = offset.next();
        chunk.records.push(Record {
            offset,
            append_time: Timestamp::from_millis(time),
            key: Some(Bytes::copy_from_slice(key)),
            value: value.map(Bytes::copy_from_slice),
        });
    }
    // Nothing stands between here and the end but what was superseded.
    chunk.position = end;
    Ok(chunk)
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
    if last == standing.end || source.topic.is_compacted() {
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
