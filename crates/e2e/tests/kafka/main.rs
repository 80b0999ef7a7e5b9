//! The services on a real Kafka: what they give, that it is the same to the byte as on the embedded bus, and what they owe
//! their users when things go another way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access_log;
mod clocks;
mod copy;
mod expired_hits;
mod group_offsets;
mod nonsense;
mod old_state;
mod open_transaction;
mod refusals;
mod short;
#[path = "../support/mod.rs"]
mod support;
mod takeover;
mod three_processes;
mod wrong_login;
