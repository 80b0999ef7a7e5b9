//! The whole pipeline in one binary: `up`, `replay`, `tail`, `verify`, `check`, `resubmit`, `load`, and each service as a
//! subcommand.
//!
//! This crate must never hold a rule of the pipeline: what a hit, a session or a batch is, is decided in the
//! crates that it puts together. What is its own is reading files for a replay, and telling people what happened.

pub mod beside;
pub mod check;
pub mod cli;
pub mod load;
mod quiet;
pub mod replay;
pub mod resubmit;
pub mod tail;
pub mod up;
pub mod verify;
