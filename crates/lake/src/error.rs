//! What can go wrong between a batch and the store.

use events::NextOffset;

use crate::names::Series;
use crate::said;

/// Why the lake could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The place that was named is no lake that this build can open.
    #[error("cannot open the lake `{place}`: {why}")]
    Place {
        /// As it was given.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The store refused or failed. Trying again may work.
    #[error("the lake's store cannot {operation} `{path}`: {}", said::line(source))]
    Store {
        /// What was tried.
        operation: &'static str,
        /// The object.
        path: String,
        /// What the store said.
        source: Box<object_store::Error>,
    },
    /// The store did not answer in time; it may have done what was asked, or may do it later.
    #[error("the lake's store did not answer within {seconds} s when asked to {operation} `{path}`")]
    TimedOut {
        /// What was tried.
        operation: &'static str,
        /// The object.
        path: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A record of ours is cut short, or is not what its name says.
    #[error("`{path}` cannot be trusted: {why}; put it back as it was written, from a copy or an older version")]
    BadRecord {
        /// The object.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something lies among the batch records that does not belong there.
    #[error("`{path}` does not belong among the batch records: move it away; nothing was written")]
    Foreign {
        /// The object.
        path: String,
    },
    /// Something lies among a table's files that is none of ours.
    #[error("`{path}` is no file of this lake's: move it away; nothing was written")]
    Stranger {
        /// The object or folder.
        path: String,
    },
    /// A data file cannot be read.
    #[error("`{path}` cannot be read: {why}")]
    Unreadable {
        /// The object.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A newer build wrote here.
    #[error("`{path}` has format {format}, and this build knows {known}: use the newer build; nothing was written")]
    Newer {
        /// The object.
        path: String,
        /// The format that it names.
        format: u64,
        /// The newest format that this build reads.
        known: u64,
    },
    /// An object has the name of one of our files, and is another.
    #[error("`{path}` is in the way of a file of that name: {why}; it was left as it is")]
    InTheWay {
        /// The object.
        path: String,
        /// How it differs.
        why: String,
    },
    /// In a folder: a file lies where a folder must be, or a folder where a file must.
    #[error("`{path}` cannot be there: {why}; move that away")]
    Blocked {
        /// What was to be read or written.
        path: String,
        /// What lies there.
        why: &'static str,
    },
    /// The chain of batches goes on where the topic has never been.
    #[error(
        "the lake holds {series} up to offset {chain}, but the topic ends at {end}: it was made anew under the old \
         log id; give it a new topic prefix, or the lake a new place"
    )]
    BeyondEnd {
        /// Which chain.
        series: Series,
        /// Where the chain ends.
        chain: NextOffset,
        /// Where the topic ends.
        end: NextOffset,
    },
    /// A batch that was begun cannot be made again as its record says.
    #[error("`{path}` was begun with {recorded} rows and now has {found}: finish it with the build that began it")]
    Changed {
        /// The file.
        path: String,
        /// Rows that the record names.
        recorded: u64,
        /// Rows that came out now.
        found: u64,
    },
    /// The rows could not be encoded.
    #[error(transparent)]
    Encode(#[from] tables::EncodeError),
}

impl LakeError {
    /// Whether the same call may work later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::TimedOut { .. })
    }

    /// What was tried, for counters.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Store { operation, .. } | Self::TimedOut { operation, .. } => operation,
            Self::Place { .. } => "open",
            Self::Encode(_) | Self::Changed { .. } => "encode",
            Self::BadRecord { .. }
            | Self::Foreign { .. }
            | Self::Stranger { .. }
            | Self::Newer { .. }
            | Self::InTheWay { .. }
            | Self::Blocked { .. } => "trust",
            Self::Unreadable { .. } => "read",
            Self::BeyondEnd { .. } => "resume",
        }
    }
}
