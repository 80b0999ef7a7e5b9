//! Processes for tests that outlive neither their owner nor its process, and ports for them.
//!
//! Only tests may use this crate: it panics instead of returning errors. It must never leave a process or a folder behind,
//! however the test ends, and that includes SIGKILL.

mod guard;
pub mod ports;

pub use guard::Guard;
