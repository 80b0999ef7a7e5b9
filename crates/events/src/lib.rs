//! The ground that everything stands on: hits, sessions, rejections, ids, times, and their JSON.
//!
//! This crate must never do I/O, read a clock, or know of tokio, Kafka or the disk. It names things, checks
//! them, and turns them into bytes and back.

pub mod log;
pub mod time;

pub use log::{LogId, NextOffset, Offset, Topic};
pub use time::{Span, Timestamp};
