//! What an audit finds.

use std::fmt;

use events::{NextOffset, Offset};
use tables::reading::RowFault;

use crate::record::OffsetRange;

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A batch does not start where the one before ended.
    BrokenChain {
        /// Where the one before ended.
        expected: NextOffset,
        /// Where the next one starts.
        found: NextOffset,
    },
    /// A batch's file is not there.
    MissingFile(String),
    /// A batch's file cannot be read, or is another batch's.
    BadFile {
        /// Where it lies.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file of this chain that no batch names: readers see its rows besides the others.
    StrayFile(String),
    /// A record is a row more than once.
    Double {
        /// The record.
        offset: Offset,
        /// The batch, by its start.
        batch: NextOffset,
    },
    /// A row that lies outside its batch.
    Outside {
        /// The record.
        offset: Offset,
        /// The batch, by its start.
        batch: NextOffset,
    },
    /// A row that is not as it must be.
    Row {
        /// The file.
        path: String,
        /// The row's number in it, from 0.
        row: u64,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// A batch record of somebody who had been away for so long that the batches of that time are folded.
    Outlived(String),
    /// Records that are no rows although they were read. Positions that never held a record may be among them.
    Gap(OffsetRange),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenChain { expected, found } => {
                write!(f, "a batch should start at offset {expected}, and the next one starts at {found}")
            }
            Self::MissingFile(path) => write!(f, "`{path}` is missing"),
            Self::BadFile { path, why } => write!(f, "`{path}`: {why}"),
            Self::StrayFile(path) => write!(f, "`{path}` belongs to no batch"),
            Self::Double { offset, batch } => write!(f, "offset {offset} stands twice in the batch from {batch}"),
            Self::Outside { offset, batch } => write!(f, "offset {offset} is none of the batch from {batch}"),
            Self::Row { path, row, fault } => write!(f, "`{path}`: row {row} {fault}"),
            Self::Outlived(path) => {
                write!(f, "`{path}` is of a lake-writer that was away for longer than --longest-pause")
            }
            Self::Gap(range) => write!(f, "no rows for offsets {} to {}", range.from, range.to.0 - 1),
        }
    }
}
