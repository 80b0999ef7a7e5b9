//! The Kafka bus against a real broker.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod contract;
mod dying;
mod identity;
mod leaderless;
mod moving;
mod openid;
mod outage;
mod predecessors;
mod proxy;
mod reading;
mod replacing;
mod security;
mod stepping;
mod support;
mod topics;
mod warnings;
