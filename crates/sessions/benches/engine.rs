//! Hits a second on one core: the engine alone, with parsing, and with user agents that no cache knows.
//!
//! The engine is measured as it works: it has run for an hour of event time before, so that sessions become final as
//! fast as they open, and a hit reaches it as the parser left it, not from a list of half a gigabyte.

mod traffic;

use std::hint::black_box;
use std::time::{Duration, Instant};

use events::{Hit, WindowSettings};
use sessions::enrich::Enricher;
use sessions::{Engine, Input, Outputs};
use tikv_jemallocator::Jemalloc;
use traffic::{Agents, Record};

/// As in the binaries.
#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

/// Hits before the clock runs: with 51 a second of event time, an hour and five minutes.
const WARM_UP: usize = 200_000;
const HITS: usize = 400_000;
/// Hits between two commits.
const STEP: usize = 1024;
/// Hits that are parsed ahead of the engine, small enough to stay in the cache.
const SLICE: usize = 64;
const SAMPLES: usize = 7;

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn main() {
    Enricher::warm_up();
    let samples = std::env::var("SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(SAMPLES);
    let real = traffic::log(WARM_UP + HITS, Agents::Real);
    println!("{:<44} {:>12} {:>12}", "hits a second on one core", "median", "best");
    let report = |name: &str, mut seconds: Vec<f64>, hits: usize| {
        seconds.sort_unstable_by(f64::total_cmp);
        let rate = |seconds: f64| format!("{:.0} K", hits as f64 / seconds / 1000.0);
        println!("{name:<44} {:>12} {:>12}", rate(seconds[seconds.len() / 2]), rate(seconds[0]));
    };
    let wanted =
        |name: &str| std::env::args().skip(1).find(|word| !word.starts_with('-')).is_none_or(|word| word == name);
    if wanted("alone") {
        report("engine alone, parsed hits", (0..samples).map(|_| alone(&real)).collect(), HITS);
    }
    if wanted("parsing") {
        report("engine with parsing", (0..samples).map(|_| with_parsing(&real)).collect(), HITS);
    }
    if wanted("bare") {
        report("sessions alone, with parsing", (0..samples).map(|_| bare(&real)).collect(), HITS);
    }
    if wanted("parse") {
        report("parsing alone", (0..samples).map(|_| parse_alone(&real[WARM_UP..])).collect(), HITS);
    }
    drop(real);
    if wanted("agents") {
        let (seconds, hits) = every_agent_different(samples);
        report("engine with parsing, every agent different", seconds, hits);
    }
}

fn seconds(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

/// An engine that has been at work for an hour.
fn warmed_up(log: &[Record]) -> Engine {
    let mut engine = Engine::new(0, WindowSettings::default());
    let mut out = Outputs::default();
    for record in &log[..WARM_UP] {
        engine.apply(record.input(), &mut out);
        out.clear();
    }
    engine
}

/// Enrichment, windows and the outputs' JSON; the hits were parsed a moment before.
fn alone(log: &[Record]) -> f64 {
    let mut engine = warmed_up(log);
    let mut out = Outputs::default();
    let mut hits = Vec::with_capacity(SLICE);
    let mut time = Duration::ZERO;
    for step in log[WARM_UP..].chunks(STEP) {
        for slice in step.chunks(SLICE) {
            hits.clear();
            hits.extend(slice.iter().map(|record| (parse(record), record.input())));
            let start = Instant::now();
            apply_parsed(&mut engine, &mut out, &hits);
            time += start.elapsed();
        }
        black_box(&out);
        out.clear();
    }
    time.as_secs_f64()
}

fn parse(record: &Record) -> Hit<'_> {
    Hit::parse(&record.value).expect("the traffic is well-formed")
}

/// The whole way from a record's bytes.
fn with_parsing(log: &[Record]) -> f64 {
    let mut engine = warmed_up(log);
    let mut out = Outputs::default();
    seconds(|| apply_raw(&mut engine, &mut out, &log[WARM_UP..]))
}

/// The whole way, where each user agent is seen for the first time; and how many hits a sample has. Such hits take many
/// times as long, so the hour is run once: each sample goes on where the one before ended.
fn every_agent_different(samples: usize) -> (Vec<f64>, usize) {
    let log = traffic::log(WARM_UP + HITS, Agents::AllDifferent);
    let mut engine = warmed_up(&log);
    let mut out = Outputs::default();
    let hits = HITS / samples;
    let each = log[WARM_UP..].chunks_exact(hits).take(samples);
    (each.map(|part| seconds(|| apply_raw(&mut engine, &mut out, part))).collect(), hits)
}

/// As other engines are measured: no enrichment, no enriched hits.
fn bare(log: &[Record]) -> f64 {
    let mut engine = warmed_up(log);
    engine.write_bare(|session, out| {
        out.extend_from_slice(session.key().as_bytes());
        session.pages().for_each(|(_, path)| out.extend_from_slice(path.as_bytes()));
    });
    let mut out = Outputs::default();
    seconds(|| apply_raw(&mut engine, &mut out, &log[WARM_UP..]))
}

fn parse_alone(log: &[Record]) -> f64 {
    seconds(|| parse_all(log))
}

// The loops stand in functions of their own, so that a profiler can be told to count them alone.
#[inline(never)]
fn apply_parsed(engine: &mut Engine, out: &mut Outputs, hits: &[(Hit<'_>, Input<'_>)]) {
    engine.apply_hits(hits, out);
}

#[inline(never)]
fn apply_raw(engine: &mut Engine, out: &mut Outputs, log: &[Record]) {
    for step in log.chunks(STEP) {
        engine.apply_all(step.iter().map(Record::input), out);
        black_box(&out);
        out.clear();
    }
}

#[inline(never)]
fn parse_all(log: &[Record]) {
    for record in log {
        black_box(Hit::parse(&record.value).is_ok());
    }
}
