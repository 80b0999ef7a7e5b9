//! Batches of a log into an object store, each exactly once.
//!
//! A batch's record is created before its files, the files' names follow from the record, and nothing is ever
//! replaced: so a crash, a lost answer or a second writer can only write the same thing again. The chain of batch
//! records is the position in the log. [`Chain`] holds those rules, [`Committer`] carries them out, and
//! [`Lake::audit`] checks what stands.
//!
//! [`Lake::open`] is the door: from the name of a place to a store that was tried (`place`, `stores`, `probe`), and what a
//! store says becomes one line in `said`.
//!
//! This crate must never know of the bus. Behind the door nothing knows which store lies below. No data file is ever replaced
//! or deleted: what goes is the probe, batch records that a folded one speaks for (`fold`), and what a killed process left
//! half-written in a folder (`staging`).

mod audit;
mod batch;
mod chain;
mod committer;
mod complete;
mod error;
mod fold;
mod folded;
mod listing;
mod names;
mod open;
mod others;
mod past_hits;
mod place;
mod probe;
mod readers;
mod reading;
mod record;
mod replays;
mod said;
mod staging;
mod store;
mod stores;
mod strangers;

pub use audit::{Audit, Fault, Ids};
pub use batch::Batch;
pub use chain::{Chain, Next};
pub use committer::{Committed, Committer};
pub use complete::{Completeness, LogCompleteness, Mark};
pub use error::LakeError;
pub use fold::{Folded, Folding};
pub use names::Series;
pub use open::{Access, Lake};
pub use past_hits::{DayOfHits, PastHits, SomeHits};
pub use place::is_same_place;
pub use record::{BatchRecord, FileEntry, OffsetRange};
pub use stores::Variables;
pub use strangers::TableFiles;
