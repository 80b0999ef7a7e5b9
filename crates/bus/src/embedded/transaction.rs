//! One commit: batches, ends and positions, all of them or none.

use rusqlite::{Connection, params};

use super::batch::Batch;
use super::place;
use super::queue::Positions;
use crate::Source;

/// Writes everything in one transaction. On an error nothing of it stands.
pub(super) fn commit(
    connection: &Connection,
    batches: &[(Source, Batch)],
    positions: &[Positions],
) -> rusqlite::Result<()> {
    within(connection, || {
        for (source, batch) in batches {
            put_batch(connection, *source, batch)?;
            connection
                .prepare_cached(
                    "UPDATE partitions SET next_offset = ?2, append_time = ?3, bytes = bytes + ?4 WHERE place = ?1",
                )?
                .execute(params![
                    place::place(*source),
                    batch.next.0,
                    batch.taken.as_millis(),
                    batch.bytes.len() as i64
                ])?;
        }
        for of_group in positions {
            for (source, position) in &of_group.list {
                connection
                    .prepare_cached(
                        "INSERT INTO positions VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset",
                    )?
                    .execute(params![of_group.group, place::place(*source), position.0])?;
            }
        }
        Ok(())
    })
}

/// Runs the work in a transaction and takes it back if it fails.
pub(super) fn within<T>(connection: &Connection, work: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let result = work().and_then(|done| connection.prepare_cached("COMMIT")?.execute([]).map(|_| done));
    // SQLite itself has rolled back after some errors, such as a full disk.
    if result.is_err() && !connection.is_autocommit() {
        connection.prepare_cached("ROLLBACK")?.execute([])?;
    }
    result
}

/// Puts one batch in; within a transaction.
pub(super) fn put_batch(connection: &Connection, source: Source, batch: &Batch) -> rusqlite::Result<()> {
    let id = place::row_id(source, events::NextOffset(batch.base.0));
    connection.prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        id,
        batch.next.0,
        batch.taken.as_millis(),
        batch.layout as i64,
        batch.checksum(id),
        &batch.bytes[..]
    ])?;
    Ok(())
}
