//! For tests alone: what must hold of any input at all, as functions of bytes that panic where it does not.
//!
//! [`TARGETS`] lists them. The folder `fuzz/` hands each to cargo-fuzz, which follows the program's branches and needs a
//! nightly compiler; [`drive`] needs none, and tries variations of what `fuzz/corpus/` keeps for as long as it is told.

#![expect(clippy::unwrap_used, reason = "a target fails by panicking")]

mod draw;
mod drive;
mod targets;

pub use drive::{Found, drive, kept};
pub use targets::{TARGETS, Target, target};
