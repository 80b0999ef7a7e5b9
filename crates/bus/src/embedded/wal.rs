//! Moves what the write-ahead log holds into the file, where commits do not do so by themselves.

use std::time::Duration;

use rusqlite::Connection;

use super::file::{PATIENCE, WAL_KEPT_BYTES};

/// A write-ahead log of this size has not begun anew for a while, since there was always somebody who read: see
/// [`restart`].
pub(super) const BYTES: u64 = 2 * WAL_KEPT_BYTES;

/// Copies the whole write-ahead log into the file and lets it begin anew. A commit does so by itself, but for the
/// part that somebody is reading: with several who always read the disk it would grow for as long as they do. Here
/// the writer waits a moment for those who began before; who begins now reads what is copied. `false` when somebody
/// reads on.
pub(super) fn restart(connection: &Connection, patience: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(patience)?;
    let is_held = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(PATIENCE)?;
    Ok(!is_held?)
}

/// Moves all of it into the file and gives its room back. Where somebody reads just now, that is done by the next commits.
pub(super) fn empty(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
