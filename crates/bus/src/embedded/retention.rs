//! What goes from the front of a topic, and when: whole batches. What goes from compacted topics: see `compaction`.

use events::{NextOffset, Timestamp};
use rusqlite::{Connection, params};

use super::options::Retention;
use super::tail::Standing;
use super::{place, transaction};
use crate::Source;

/// The most batches that one transaction removes: publishers wait for no longer than that takes.
const BATCHES_AT_ONCE: usize = 256;
/// The same for their bytes: SQLite looks at each page that it frees.
const BYTES_AT_ONCE: i64 = 32 << 20;

/// What was removed from a partition's front.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) start: NextOffset,
    pub(super) bytes: i64,
    /// Whether nothing more is to be removed now.
    pub(super) is_done: bool,
}

/// Removes some batches of a partition that are too old or too many. `None` where there are none.
pub(super) fn cut_front(
    connection: &Connection,
    source: Source,
    standing: &Standing,
    retention: Retention,
    now: Timestamp,
) -> rusqlite::Result<Option<Cut>> {
    if source.topic.is_compacted() || standing.start == standing.end {
        return Ok(None);
    }
    let oldest = retention.age.map_or(Timestamp::MIN, |age| now - age);
    let most = retention.bytes_per_partition.map_or(i64::MAX, |bytes| bytes.min(i64::MAX as u64) as i64);
    let mut cut = Cut { start: standing.start, bytes: 0, is_done: true };
    let mut last = None;
    {
        let mut query = connection.prepare_cached(
            "SELECT id, next_offset, append_time, length(records) FROM batches
             WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
        )?;
        let (low, high) = (place::row_id(source, NextOffset(0)), place::row_id(source, standing.end));
        let mut rows = query.query(params![low, high, BATCHES_AT_ONCE as i64])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            let bytes: i64 = row.get(3)?;
            let is_old = Timestamp::from_millis(row.get(2)?) < oldest;
            if !is_old && standing.bytes - cut.bytes <= most {
                break;
            }
            (last, seen) = (Some(row.get::<_, i64>(0)?), seen + 1);
            cut.start = NextOffset(row.get(1)?);
            cut.bytes += bytes;
            cut.is_done = seen < BATCHES_AT_ONCE && cut.bytes < BYTES_AT_ONCE;
            if !cut.is_done {
                break;
            }
        }
    }
    let Some(last) = last else { return Ok(None) };
    let remove = || {
        connection
            .prepare_cached("DELETE FROM batches WHERE id >= ?1 AND id <= ?2")?
            .execute(params![place::row_id(source, NextOffset(0)), last])?;
        connection
            .prepare_cached("UPDATE partitions SET start_offset = ?2, bytes = bytes - ?3 WHERE place = ?1")?
            .execute(params![place::place(source), cut.start.0, cut.bytes])
    };
    if source.topic.is_shown() {
        transaction::within(connection, remove)?;
    } else {
        written_over(connection, || transaction::within(connection, remove))?;
    }
    Ok(Some(cut))
}

/// Has what is removed written over in the file. It still stands in the write-ahead log.
fn written_over<T>(connection: &Connection, remove: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.pragma_update(None, "secure_delete", true)?;
    let removed = remove();
    // What is committed must be told. Left on, this costs some time and nothing else.
    drop(connection.pragma_update(None, "secure_delete", false));
    removed
}
