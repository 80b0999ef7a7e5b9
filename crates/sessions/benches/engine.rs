//! Hits a second on one core: the engine alone, with parsing, and with user agents that no cache knows.

mod traffic;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use events::{Hit, WindowSettings};
use sessions::enrich::Enricher;
use sessions::{Engine, Outputs};
use traffic::{Agents, Record};

const HITS: usize = 400_000;
/// Hits between two commits, as in the sessionizer.
const STEP: usize = 4_000;

fn main() {
    Enricher::warm_up();
    divan::main();
}

/// Enrichment, windows and the outputs' JSON; the hits were parsed before.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn engine_alone(bencher: Bencher<'_, '_>) {
    let log = traffic::log(HITS, Agents::Real);
    let hits: Vec<Hit<'_>> =
        log.iter().map(|record| Hit::parse(&record.value).expect("the traffic is well-formed")).collect();
    bencher.counter(ItemsCount::new(HITS)).bench_local(|| apply_parsed(&hits, &log));
}

// The loops stand in functions of their own, so that a profiler can be told to count them alone.
#[inline(never)]
fn apply_parsed(hits: &[Hit<'_>], log: &[Record]) -> usize {
    let mut engine = Engine::new(0, WindowSettings::default());
    let mut out = Outputs::default();
    for (hits, records) in hits.chunks(STEP).zip(log.chunks(STEP)) {
        for (hit, record) in hits.iter().zip(records) {
            engine.apply_hit(hit, record.input(), &mut out);
        }
        black_box(&out);
        out.clear();
    }
    engine.open_sessions()
}

/// The whole way from a record's bytes.
#[divan::bench(sample_count = 5, sample_size = 1, args = [Agents::Real, Agents::AllDifferent])]
fn with_parsing(bencher: Bencher<'_, '_>, agents: Agents) {
    let hits = if matches!(agents, Agents::Real) { HITS } else { HITS / 8 };
    let log = traffic::log(hits, agents);
    bencher.counter(ItemsCount::new(hits)).bench_local(|| apply_raw(&log));
}

#[inline(never)]
fn apply_raw(log: &[Record]) -> usize {
    let mut engine = Engine::new(0, WindowSettings::default());
    let mut out = Outputs::default();
    for step in log.chunks(STEP) {
        for record in step {
            engine.apply(record.input(), &mut out);
        }
        black_box(&out);
        out.clear();
    }
    engine.open_sessions()
}

/// Parsing alone.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn parse_alone(bencher: Bencher<'_, '_>) {
    let log = traffic::log(HITS, Agents::Real);
    let bytes: usize = log.iter().map(|record| record.value.len()).sum();
    bencher.counter(ItemsCount::new(HITS)).counter(BytesCount::new(bytes)).bench_local(|| parse_all(&log));
}

#[inline(never)]
fn parse_all(log: &[Record]) {
    for record in log {
        black_box(Hit::parse(&record.value).is_ok());
    }
}
