//! The lake-writer between a real embedded bus and a store: what stands in the lake, whatever happens on the way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say so by failing")]

mod away;
mod bounded;
mod joining;
mod live;
mod support;
