//! The input side of a replay: files to hits, one at a time, in the order of their times.
//!
//! ```text
//! survey (one pass: names the input, finds what is broken)
//! source -> lines -> format -> file -> merge
//! ```

pub mod access_log;
pub mod file;
pub mod files;
pub mod format;
pub mod json_hit;
pub mod lines;
pub mod merge;
pub mod server_hit;
pub mod source;
pub mod survey;

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use events::Timestamp;

/// What one line became.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The line's time; for one that could not be read, the time of the last one that could.
    pub time: Timestamp,
    /// The record that it makes.
    pub record: LineRecord,
}

/// The record that a line makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LineRecord {
    /// A hit.
    Hit {
        /// `site/visitor_id`, or `site/~hit_id`.
        key: Bytes,
        /// The hit's JSON.
        value: Bytes,
    },
    /// A line that cannot be read, or a hit that breaks a rule.
    Rejected {
        /// The rejection's JSON.
        value: Bytes,
    },
}

/// Why the input cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file is not there, or it is not ours to read.
    #[error("cannot open {}: {error}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file cannot be read to its end: a damaged archive, a directory, a broken disk.
    #[error("cannot read {} past line {line}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The last line that was read whole.
        line: u64,
        /// What the system, or the decompressor, said.
        error: io::Error,
    },
    /// The lake that is read failed.
    #[error(transparent)]
    Lake(#[from] lake::LakeError),
    /// No room to put hits in order.
    #[error("hits cannot be sorted in temporary files: {0}; TMPDIR names another place for them")]
    Sort(io::Error),
}
