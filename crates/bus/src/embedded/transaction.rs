//! One commit: batches, ends and positions, all of them or none.

use rusqlite::{Connection, params};

use super::batch::Batch;
use super::place;
use super::queue::Positions;
use crate::{Record, Source};

/// Writes everything in one transaction. On an error nothing of it stands.
pub(super) fn commit(
    connection: &Connection,
    batches: &[(Source, Batch)],
    positions: &[Positions],
) -> rusqlite::Result<()> {
    within(connection, || {
        for (source, batch) in batches {
            if source.topic.is_compacted() {
                put_newest(connection, *source, batch)?;
            } else {
                put_batch(connection, *source, batch)?;
            }
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

fn put_batch(connection: &Connection, source: Source, batch: &Batch) -> rusqlite::Result<()> {
    let id = place::row_id(source, events::NextOffset(batch.base.0));
    connection.prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        id,
        batch.next.0,
        batch.taken.as_millis(),
        batch.timed,
        batch.checksum(id),
        &batch.bytes[..]
    ])?;
    Ok(())
}

fn put_newest(connection: &Connection, source: Source, batch: &Batch) -> rusqlite::Result<()> {
    let mut records: Vec<Record> = Vec::new();
    batch
        .decode(events::NextOffset(batch.base.0), &mut records)
        .expect("the writer's own encoding is read back as it was written");
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO newest VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for record in records {
        let id = place::row_id(source, events::NextOffset(record.offset.0));
        let key = record.key.as_deref().unwrap_or_default();
        let time = record.append_time.as_millis();
        let checksum = newest_checksum(id, time, key, record.value.as_deref());
        put.execute(params![id, place::place(source), key, time, checksum, record.value.as_deref()])?;
    }
    Ok(())
}

/// Guards one row of a compacted topic.
pub(super) fn newest_checksum(id: i64, time: i64, key: &[u8], value: Option<&[u8]>) -> i64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&id.to_le_bytes());
    hash.update(&time.to_le_bytes());
    hash.update(&(key.len() as u64).to_le_bytes());
    hash.update(key);
    hash.update(&[u8::from(value.is_some())]);
    hash.update(value.unwrap_or_default());
    hash.digest().cast_signed()
}
