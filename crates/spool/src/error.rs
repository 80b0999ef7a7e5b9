//! What can go wrong in a spool.

use std::io;

/// Why the spool does not do what was asked. Nothing that it holds is harmed by any of these.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SpoolError {
    /// It holds as much as it may. There is room again when what it holds has been read.
    #[error("the spool is full: it holds {bytes} of {capacity} bytes")]
    Full {
        /// Bytes that it holds.
        bytes: u64,
        /// Bytes that it may hold.
        capacity: u64,
    },
    /// The disk under it is full. It works again when there is room.
    #[error("the disk under the spool is full: {0}")]
    NoRoom(String),
    /// More waits to be written than may.
    #[error("{0} bytes wait to be written into the spool already")]
    Busy(usize),
    /// A record is larger than the spool takes.
    #[error("a record of {size} bytes is over the spool's limit of {limit}")]
    TooLarge {
        /// Its size in bytes, key and value together.
        size: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// The disk does not do what it should; trying again may work.
    #[error("the spool's disk fails: {0}")]
    Failed(String),
    /// Another process has the folder.
    #[error("{0} belongs to another process; each collector needs a spool of its own")]
    InUse(String),
    /// The folder holds something that this build cannot read.
    #[error("{0}")]
    Refused(String),
    /// The spool was closed.
    #[error("the spool is closed")]
    Closed,
}

impl SpoolError {
    /// The error for one of the disk's, which came up while doing something to a file.
    pub(crate) fn of(doing: &str, file: &str, error: &io::Error) -> Self {
        let message = format!("cannot {doing} {file}: {error}");
        match error.kind() {
            // FileTooLarge: a limit on the size of files is a full disk for who meets it.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::NoRoom(message)
            }
            _ => Self::Failed(message),
        }
    }
}
