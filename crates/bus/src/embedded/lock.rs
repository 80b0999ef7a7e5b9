//! The lock that whoever owns a log holds: it ends with its holder, however that dies.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::file::cannot;
use crate::BusError;

/// How often it is looked whether the lock is free, and the wait between two looks: whoever had it may be just ending, and a
/// process that it was just starting has a copy of its open files, the lock among them, until it runs.
const LOOKS: u32 = 20;
const WAIT: Duration = Duration::from_millis(10);

/// Takes the lock of the log in this directory.
pub(super) fn take(lock: &Path, directory: &Path) -> Result<File, BusError> {
    let open = File::options().create(true).truncate(false).write(true).open(lock);
    let file = open.map_err(|error| cannot("open", lock, &error))?;
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(WAIT),
            Err(TryLockError::Error(error)) => return Err(cannot("lock", lock, &error)),
        }
    }
    Err(BusError::Refused(format!(
        "another process uses the log in {}: stop it, or choose another directory",
        directory.display()
    )))
}
