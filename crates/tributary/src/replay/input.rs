//! The input side of a replay: files to hits, one at a time, in the order of their times.
//!
//! ```text
//! survey (one pass: names the input, finds what is broken)
//! source -> measured -> lines -> format -> file -> merge
//! ```

pub mod access_log;
pub mod file;
pub mod files;
pub mod format;
pub mod json_hit;
pub mod lines;
mod measured;
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
    /// Whether it was rejected because its own time lies in the future.
    pub is_ahead: bool,
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
    /// It can be read once, or never ends; a replay reads its input twice.
    #[error("{} is no regular file, and a replay reads twice: use `-` and give it to standard input", path.display())]
    Stream {
        /// What was named.
        path: PathBuf,
    },
    /// Standard input is named more than once.
    #[error("`-` is there twice: standard input can be read only once")]
    StandardInputTwice,
    /// The second pass over a file has not found what the first did.
    #[error("{} changed while it was read; replay a copy that nobody writes to", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Another replay of the same input met a line of the future at the same time, by another clock.
    #[error("another replay of this input into this lake has just begun; the same command again goes on where it ends")]
    Overtaken,
    /// The lake that is read or written failed.
    #[error(transparent)]
    Lake(#[from] lake::LakeError),
    /// No room to put hits in order.
    #[error("hits cannot be sorted in temporary files: {0}; TMPDIR names another place for them")]
    Sort(io::Error),
}
