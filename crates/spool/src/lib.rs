//! A queue of records on disk: what the edge has accepted while the bus is away waits here, and survives.
//!
//! [`Spool::append`] resolves when the records are synced, many callers sharing one sync; [`Reader::read`] gives them out in
//! the order of appending; [`Spool::advance`] says for good that what lies before a position is done with. After a crash
//! reading starts at the last position that was synced, so a record may be read twice, and never not at all.
//!
//! A folder holds the segments `<number of its first record>.spool`, the file `position`, and `lock`, which keeps a second
//! process out. `frame` is how a record lies in a segment, `scan` finds them in whatever a file holds, `recovery` opens a
//! folder, `writer` and [`reader`](Reader) work on it, `ledger` is what both know, and `queue` is the thread that shares the
//! syncs. All but `disk` and `queue` compute alone: the tests run them on a disk that forgets what was not synced.
//!
//! This crate must never look into a record, never wait without a bound, and never panic over what a file holds.

mod disk;
mod error;
mod frame;
mod ledger;
mod position;
mod queue;
mod reader;
mod record;
mod recovery;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

pub use error::SpoolError;
pub use queue::{Answer, Options, Spool, Standing};
pub use reader::{Damage, Reader, Run};
pub use record::{MAX_RECORD_BYTES, Record, Seq};
pub use recovery::Found;
