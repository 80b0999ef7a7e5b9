//! Everything at once that a bad client can think of, against the real collector: each gets its answer, a good client
//! hardly notices, and memory stays within what the settings say (P6, P7).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attacks;
mod bodies;
mod collector;
mod hostile;
mod polite;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::scope;
use std::time::{Duration, Instant};

use attacks::{bad_heads, deaf_clients, flood, slow_clients};
use bodies::bad_bodies;
use collector::Collector;
use events::Topic;
use polite::Polite;
use serde_json::Value;
use support::load::StopsAtTheEnd;
use support::process::PATIENCE;
use support::reference;

const MIB: u64 = 1 << 20;
const MAX_BODY: usize = 4 << 20;
const IN_FLIGHT: u64 = 12 * MIB;
const CONNECTIONS: u64 = 400;

/// Held by a test while it measures: figures of two at once would say nothing.
static ALONE: Mutex<()> = Mutex::new(());

/// Shows that the bound on memory is one: with this variable set, the collector breaks it.
fn is_unbounded() -> bool {
    std::env::var_os("TOOLS_ABUSE_UNBOUNDED").is_some()
}

fn flags() -> Vec<&'static str> {
    let in_flight = if is_unbounded() { "8GiB" } else { "12MiB" };
    vec!["--max-body", "4MiB", "--max-in-flight", in_flight, "--max-connections", "400", "--read-timeout", "4s"]
}

/// What the process may grow by, from its settings.
fn bound() -> u64 {
    // A body that comes in pieces stands in a buffer that doubles as it grows.
    let bodies = 2 * IN_FLIGHT;
    // Each connection reads into 64 KiB at most, and holds one answer: a thousand refusals of some 150 bytes.
    let connections = CONNECTIONS * (64 + 150) * 1024;
    // The bus's own bounds: what waits, the transaction that is written, the newest records, and SQLite's pages.
    let bus = (64 + 16 + 32 + 8) * MIB;
    let granted = bodies + connections + bus;
    // What the allocator keeps of it in pieces.
    granted + granted / 4
}

#[test]
fn abuse_is_answered_hurts_nobody_and_costs_no_more_memory_than_the_settings_grant() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let mut collector = Collector::start(directory.path(), &flags());
    let address = collector.public.as_str();
    let mut polite = Polite::default();
    (0..200).for_each(|_| polite.send(address, true));
    collector.forget_peak();
    let before = collector.memory("VmRSS");

    let (stop, may_refuse) = (AtomicBool::new(false), AtomicBool::new(false));
    let started = Instant::now();
    let deaf = scope(|scope| {
        let stopped = StopsAtTheEnd(&stop);
        let good = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                polite.send(address, !may_refuse.load(Ordering::Relaxed));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let deaf = scope.spawn(|| deaf_clients(address));
        let others = [
            scope.spawn(|| (0..3).for_each(|_| bad_bodies(address))),
            scope.spawn(|| (0..3).for_each(|_| bad_bodies(address))),
            scope.spawn(|| drop(slow_clients(address))),
            scope.spawn(|| bad_heads(address)),
        ];
        others.into_iter().for_each(|other| other.join().unwrap());
        let deaf = deaf.join().unwrap();
        println!("{:?}: peak {} MiB more", started.elapsed(), (collector.memory("VmHWM") - before) / MIB);
        may_refuse.store(true, Ordering::Relaxed);
        let [shed, slow, cut] = flood(address);
        println!("of 100 large bodies {shed} were shed, {slow} were too slow, {cut} saw no answer");
        assert!(shed > 0 || is_unbounded(), "there was room for all of it");
        may_refuse.store(false, Ordering::Relaxed);
        drop(stopped);
        good.join().unwrap();
        deaf
    });

    let peak = collector.memory("VmHWM") - before;
    println!(
        "{:?}: before {} MiB, peak {} MiB more, granted {} MiB",
        started.elapsed(),
        before / MIB,
        peak / MIB,
        bound() / MIB
    );
    println!("good hits: {} acknowledged, {} sent again", polite.acknowledged.len(), polite.refused);
    // The deaf still hold their ends open, and have lost their slots all the same.
    let started = Instant::now();
    while collector.metric("tributary_http_connections") > 1.0 {
        let open = collector.metric("tributary_http_connections");
        assert!(started.elapsed() < PATIENCE, "{open} connections are still open");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(deaf);
    assert_eq!(collector.get("live").0, 200);
    assert_eq!(collector.get("ready").0, 200, "{}", collector.get("ready").1);
    while collector.metric("tributary_http_bytes_in_flight") > 0.0 {
        assert!(started.elapsed() < PATIENCE, "something is in flight");
    }
    (0..20).for_each(|_| polite.send(address, true));
    assert!(collector.process.stop().success());

    let kept = ids_on_the_bus(directory.path());
    let missing: Vec<_> = polite.acknowledged.iter().filter(|id| !kept.contains(*id)).collect();
    assert!(missing.is_empty(), "acknowledged and not on the bus: {missing:?}");
    assert!(polite.acknowledged.len() > 300, "the good client hardly came through: {}", polite.acknowledged.len());
    assert!(peak <= bound(), "it took {} MiB more, and {} MiB are granted", peak / MIB, bound() / MIB);
}

/// The ids of every hit on the bus.
fn ids_on_the_bus(data: &Path) -> BTreeSet<String> {
    let bus = reference::open(data);
    let records = (0..bus.partitions()).flat_map(|partition| reference::records(&bus, Topic::Hits, partition));
    let hits = records.filter_map(|record| serde_json::from_slice::<Value>(&record.value?).ok());
    hits.filter_map(|hit| hit["hit_id"].as_str().map(str::to_owned)).collect()
}
