//! What an error of SQLite means for the bus.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::BusError;

/// The kinds of errors that are answered differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// No room for what was written.
    Full,
    /// The file's contents are wrong.
    Damaged,
    /// Anything else: rights, locks, a disk that does not answer.
    Other,
}

/// The kind of an error.
pub(super) fn kind(error: &Error) -> Fault {
    let Error::SqliteFailure(failure, _) = error else {
        // A column of another type than the schema says.
        return Fault::Damaged;
    };
    match (failure.code, failure.extended_code) {
        // A write that fails for want of room comes as any of these, depending on where the room ran out.
        (ErrorCode::DiskFull, _)
        | (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_SHMSIZE) => Fault::Full,
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) | (_, ffi::SQLITE_IOERR_SHORT_READ) => Fault::Damaged,
        _ => Fault::Other,
    }
}

/// The bus's error for one that came up while doing something to a file.
pub(super) fn at(file: &Path, verb: &str, error: &Error) -> BusError {
    let message = format!("cannot {verb} {}: {error}", file.display());
    match kind(error) {
        Fault::Full => BusError::Full(message),
        Fault::Damaged => BusError::Damaged(message),
        Fault::Other => BusError::Unavailable(message),
    }
}
