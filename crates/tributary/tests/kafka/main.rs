//! The commands on Apache Kafka, as their users run them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cookieless;
mod login;
mod looking;
mod namesakes;
mod outage;
mod process;
mod refusing;
mod replaying;
mod rights;
mod service;
mod stopping;
#[path = "../support/mod.rs"]
mod support;
