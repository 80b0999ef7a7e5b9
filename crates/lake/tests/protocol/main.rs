//! The protocol as a whole: writers over a store that fails, hangs, dies or stalls at each call, then what stands.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say so by failing")]
mod audits;
mod faults;
mod faulty;
mod folding;
mod refusals;
mod support;
mod writers;
