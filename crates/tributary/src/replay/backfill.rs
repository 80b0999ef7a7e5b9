//! `--format lake`: the hits of one lake, sessionized anew into another.
//!
//! ```text
//! the files of `hits` and `late` ─▶ sorted, day by day ─▶ the same path as a log's lines ─▶ what is of those days
//! ```
//!
//! A row of either table is the hit that it was made of. They are read in the order of their times, so that whatever came too
//! late finds its session still open.

pub mod days;
mod kept;
mod sort;
mod source;
mod target;

pub(super) use kept::{KeptDays, Outside};
pub use source::Source;
pub(super) use target::refuse_others;
