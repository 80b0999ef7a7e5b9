//! The state of a file, to tell whether it has changed.

use std::path::Path;
use std::time::SystemTime;

/// When it was changed and how long it is; none where it is not there.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

/// The state of one file.
pub(crate) fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}
