//! Batches of a log into an object store, each exactly once.
//!
//! A batch's record is created before its files, the files' names follow from the record, and nothing is ever
//! replaced: so a crash, a lost answer or a second writer can only write the same thing again. The chain of batch
//! records is the position in the log. [`Chain`] holds those rules, [`Committer`] carries them out, and
//! [`Lake::audit`] checks what stands.
//!
//! This crate must never know of the bus, or of which store lies below; and it never deletes.

mod audit;
mod batch;
mod chain;
mod committer;
mod error;
mod names;
mod open;
mod readers;
mod record;
mod store;

pub use audit::{Audit, Fault};
pub use batch::Batch;
pub use chain::{Chain, Next};
pub use committer::{Committed, Committer};
pub use error::LakeError;
pub use names::Series;
pub use open::Lake;
pub use record::{BatchRecord, FileEntry, OffsetRange};
