//! The real binaries on a Kafka broker of their own: what a hit costs, how long a restore takes, how late a hit is; what a row
//! of the lake costs, and how late it is.
//!
//! `cargo bench -p e2e --bench kafka` measures all of it in about five minutes; words choose parts: `catch-up`,
//! `restore`, `state`, `latency`, `lake-writer`, `to-row`. `HITS`, `OPEN_SESSIONS`, `UPDATES`, `LONG_SESSIONS`,
//! `LONG_UPDATES`, `CHECKPOINTS`, `RATE`, `ROW_RATE` and `SECONDS` change what is put in. CPU is what the kernel counts, user and system; who else used the machine meanwhile is printed beside each figure. Linux only.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

mod catch_up;
mod cpu;
mod lake_writer;
mod latency;
mod load;
mod parts;
mod pipeline;
mod restore;
mod state;
mod store;
mod to_row;

// The services as processes, and the traffic, are those of the tests and of the engine's benchmarks.
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../../tests/support/binary.rs"]
mod binary;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../../tests/support/lake.rs"]
mod lake;
#[path = "../../../tributary/tests/support/process.rs"]
mod process;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../../tests/support/service.rs"]
mod service;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../../../sessions/benches/traffic/mod.rs"]
mod traffic;
#[path = "../../../tributary/tests/support/up.rs"]
mod up;
#[allow(dead_code, reason = "other programs use the rest")]
#[path = "../../tests/support/watcher.rs"]
mod watcher;

use kafka_broker::{Broker, Options};

fn main() {
    // As somebody would run it, and not as tests do: time to answer on a busy machine, memory, and the compiler that
    // makes fast code.
    let options = Options::new()
        .heap_mb(1536)
        .environment("_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4")
        .property("broker.session.timeout.ms", 18_000);
    let broker = Broker::start(options);
    let wanted = |name: &str| {
        let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
        words.peek().is_none() || words.any(|word| word == name)
    };
    if wanted("catch-up") {
        catch_up::run(&broker);
    }
    if wanted("restore") {
        restore::of_hits(&broker);
    }
    if wanted("state") {
        restore::of_long_sessions(&broker);
    }
    if wanted("latency") {
        latency::run(&broker);
    }
    if wanted("lake-writer") {
        lake_writer::run(&broker);
    }
    if wanted("to-row") {
        to_row::run(&broker);
    }
}

/// A number that the environment may change.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A number for people: `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
