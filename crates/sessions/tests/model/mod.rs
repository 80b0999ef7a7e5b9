//! The slow and obvious session windows: what the engine must equal, record by record.
//!
//! Written from the rules alone and on purpose without any cleverness: sessions are scanned one after the other, and
//! whatever can be computed from a session's hits is computed from them each time anew. It must never share code with
//! the engine, and it must never be made fast.
//!
//! All times are milliseconds since the epoch, all durations milliseconds. URLs are not parsed here: a page view
//! brings its path along, and what a hit says of its visitor comes from a function of the caller's: the model decides which
//! hit counts.

#![allow(clippy::large_enum_variant, reason = "an effect is written to be read")]
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "several test programs include this, none uses all of it"
)]

mod details;
mod effect;
mod entry;
mod orderly;
mod partition;
mod session;

pub use details::{Details, Known, Visit};
pub use effect::{ClosedBy, Effect, FinalSession, LateReason};
pub use entry::{Entry, Kind, Settings};
pub use orderly::{SplitSession, sort_and_split};
pub use partition::{LATE_IDS, run, run_remembering, run_with_details};
