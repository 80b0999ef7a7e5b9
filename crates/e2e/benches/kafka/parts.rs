//! What of the worker's CPU is the engine's, part by part: the same hits once more, here and without Kafka.

use std::time::Instant;

use events::{Hit, Topic, WindowSettings};
use sessions::{Engine, Outputs};

use crate::cpu;
use crate::traffic::{self, Agents, Record};

/// Hits that are measured, and polls that they come in.
const HITS: usize = 300_000;
const POLL: usize = 400;

/// Microseconds and bytes of one hit.
pub(crate) struct Parts {
    parse: f64,
    engine: f64,
    derive_and_write: f64,
    state: f64,
    /// Bytes of keys and values that go out.
    bytes: [(Topic, f64); 4],
}

/// Runs the hits through the engine three times: read alone, sessions alone, everything.
pub(crate) fn measure() -> Parts {
    let log = traffic::log(HITS, Agents::Real);
    let hit = |record: &Record| Hit::parse(record.input().value.unwrap()).is_ok();
    let parse = micros(|| assert!(log.iter().all(hit)));
    let bare = micros(|| {
        let mut engine = Engine::new(0, WindowSettings::default());
        engine.write_bare(|_, _| ());
        run(&mut engine, &log, |_| ());
    });
    let mut engine = Engine::new(0, WindowSettings::default());
    let mut bytes = [Topic::HitsEnriched, Topic::Sessions, Topic::Late, Topic::SessionsOpen].map(|topic| (topic, 0.0));
    let all = micros(|| run(&mut engine, &log, |_| ()));
    let mut out = Outputs::default();
    let state = micros(|| engine.write_checkpoint(&mut out));
    count(&out, &mut bytes);
    // Once more for the bytes, which nobody times.
    run(&mut Engine::new(0, WindowSettings::default()), &log, |out| count(out, &mut bytes));
    Parts { parse, engine: bare - parse, derive_and_write: all - bare, state, bytes }
}

fn run(engine: &mut Engine, log: &[Record], mut look: impl FnMut(&Outputs)) {
    let mut out = Outputs::default();
    for poll in log.chunks(POLL) {
        engine.apply_all(poll.iter().map(Record::input), &mut out);
        look(&out);
        out.clear();
    }
}

fn count(out: &Outputs, bytes: &mut [(Topic, f64); 4]) {
    for record in out.iter() {
        let len = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        if let Some((_, sum)) = bytes.iter_mut().find(|(topic, _)| *topic == record.topic) {
            *sum += len as f64 / HITS as f64;
        }
    }
}

/// CPU of this thread, in microseconds a hit.
fn micros(work: impl FnOnce()) -> f64 {
    let (before, started) = (cpu::of_this_thread(), Instant::now());
    work();
    let used = cpu::of_this_thread() - before;
    // The kernel counts in hundredths: what is shorter is taken by the clock.
    let seconds = if used >= 0.1 { used } else { started.elapsed().as_secs_f64() };
    seconds * 1e6 / HITS as f64
}

impl Parts {
    /// `worker`: what the worker's thread took of a hit, all in all.
    pub(crate) fn print(&self, worker: f64) {
        let Self { parse, engine, derive_and_write, state, bytes } = self;
        println!("  CPU of the worker, by running the same hits once more without Kafka, in us a hit:");
        println!("    parse {parse:.2}, sessions {engine:.2}, enrich and write {derive_and_write:.2}");
        println!("    state {state:.2}, had it one checkpoint at the end");
        let rest = worker - parse - engine - derive_and_write - state;
        println!("    {rest:.2} are left: records out of librdkafka's queue and into it, transactions");
        let bytes: Vec<_> = bytes.iter().map(|(topic, bytes)| format!("{topic} {bytes:.0}")).collect();
        println!("  bytes out, a hit: {}", bytes.join(", "));
    }
}
