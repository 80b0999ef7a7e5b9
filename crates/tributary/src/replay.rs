//! `tributary replay`: files through the same path as live hits, bounded and without a clock.

pub mod input;
