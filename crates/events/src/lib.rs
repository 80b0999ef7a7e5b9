//! The ground that everything stands on: hits, sessions, rejections, ids, times, and their JSON.
//!
//! This crate must never do I/O, read a clock, or know of tokio, Kafka or the disk. It names things, checks
//! them, and turns them into bytes and back.

pub mod control;
pub mod decimal;
pub mod foreign;
pub mod hit;
pub mod ids;
pub mod incoming;
pub mod limits;
pub mod log;
pub mod members;
pub mod new_hit;
mod object;
pub mod own_form;
pub mod props;
pub mod query;
pub mod reason;
pub mod rejection;
mod rest;
pub mod salt;
pub mod session;
pub mod text;
pub mod time;

pub use control::{Control, WindowSettings};
pub use hit::{Hit, Kind};
pub use incoming::IncomingHit;
pub use limits::Limits;
pub use log::{LogId, NextOffset, Offset, Topic};
pub use new_hit::NewHit;
pub use own_form::OwnForm;
pub use reason::{Invalid, Reason};
pub use rejection::Rejection;
pub use salt::{Day, Salt};
pub use session::{ClosedBy, Page, Session};
pub use text::Text;
pub use time::{Span, Timestamp};
pub use uuid::Uuid;
