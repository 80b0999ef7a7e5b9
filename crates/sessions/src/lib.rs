//! The session engine: hits in, sessions out.
//!
//! [`Engine`] holds all state of one input partition. Give it the records of `hits` in the order of their
//! offsets; it appends enriched hits, final sessions, late hits and rejections to [`Outputs`], and its own state
//! for the topic `sessions.open`. [`Restore`] makes an engine from that state again.
//!
//! This crate must never do I/O, read a clock, or know of tokio, Kafka or the disk. The same records give the
//! same outputs to the byte, however they were cut into calls and however often the engine was stored and
//! restored in between (P3).

mod anonymous;
mod bare;
mod changes;
mod checkpoint;
mod clock;
mod deadlines;
mod emit;
mod engine;
pub mod enrich;
mod fragment;
mod ids;
mod index;
mod late;
mod node;
mod numbered;
mod outputs;
mod pages;
mod prefetch;
mod profile;
mod restore;
mod spare;
mod state;
mod store;
mod varint;
mod windows;

pub use bare::{BareSession, WriteBare};
pub use engine::{Applied, Engine, Input, MAX_HIT_BYTES};
pub use late::LateReason;
pub use outputs::{Counts, OutputRecord, Outputs};
pub use restore::{Restore, Restored, StateError};
pub use state::{CheckpointMark, PARTITION_KEY, PartitionState, STATE_FORMAT, Times};
