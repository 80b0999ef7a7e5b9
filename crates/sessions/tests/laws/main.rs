//! The laws of the engine, on hostile logs: it does what the slow model does, and neither the way in which the
//! log is cut nor a restart changes a byte (P3).

#![expect(clippy::unwrap_used, reason = "a law that cannot go on is broken")]

#[path = "../logs/mod.rs"]
mod logs;
#[path = "../model/mod.rs"]
mod model;
#[path = "../told/mod.rs"]
mod told;

mod agrees;
mod chunks;
mod hits;
mod records;
mod restart;
mod state_size;
