//! `tributary replay`: files through the same path as live hits, bounded and without a clock.

pub mod args;
pub mod bus;
pub mod input;
pub mod log_id;
pub mod progress;
pub mod publish;
pub mod summary;
