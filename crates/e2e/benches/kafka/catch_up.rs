//! What a hit costs the sessionizer with everything on: transactions, enrichment, enriched hits, sessions, state.

use events::{NextOffset, Topic};
use kafka_broker::Broker;

use crate::cpu::{self, Moment};
use crate::pipeline::Pipeline;
use crate::{grouped, load, parts, setting};

/// Threads that took less than this part of the CPU are not shown.
const LEAST_SHARE: f64 = 0.01;

pub(crate) fn run(broker: &Broker) {
    let pipeline = Pipeline::new(broker, "catch-up");
    let (hits, bytes) = load::visits(&pipeline.bus, setting("HITS", 1_000_000));
    let ends = pipeline.ends(Topic::Hits);
    let mut sessionizer = pipeline.service("sessionizer", &[]);
    sessionizer.start();
    let pid = sessionizer.pid();
    let before = Moment::now(&[pid, broker.pid().unwrap()]);
    pipeline.wait_for_group(&ends);
    // From its first instruction on.
    let (seconds, used, threads) = (cpu::of_process(pid), before.used(), cpu::of_threads(pid));
    let written = |topic| pipeline.ends(topic).iter().map(|end: &NextOffset| end.0 as u64).sum::<u64>();

    let micros = |seconds: f64| seconds * 1e6 / hits as f64;
    let rate = |seconds: f64| grouped((hits as f64 / seconds) as u64);
    println!("sessionizer on Kafka, everything on: {} hits of {} bytes", grouped(hits), bytes / hits);
    println!("  {} hits per CPU-second; {:.2} us a hit", rate(seconds), micros(seconds));
    println!("  {} hits/s by the clock ({:.1} s); {}", rate(used.seconds), used.seconds, used.others());
    println!("  broker {:.2} us a hit; peak memory {} MiB", micros(used.processes[1]), cpu::peak_mib(pid));
    for topic in [Topic::HitsEnriched, Topic::Sessions, Topic::SessionsOpen, Topic::Late] {
        println!("  offsets in {topic}: {}", grouped(written(topic)));
    }
    println!("  CPU by thread, in the order in which they were started:");
    let all: f64 = threads.iter().map(|(_, seconds)| seconds).sum();
    for (name, seconds) in threads.iter().filter(|(_, seconds)| *seconds >= all * LEAST_SHARE) {
        println!("    {name:<20} {:>6.2} us a hit  {:>4.0} %", micros(*seconds), seconds / all * 100.0);
    }
    let worker = threads.iter().find(|(name, _)| name == "sessionizer").map_or(f64::NAN, |(_, seconds)| *seconds);
    parts::measure().print(micros(worker));
    assert!(sessionizer.stop().success(), "{}", sessionizer.log());
    println!();
}
