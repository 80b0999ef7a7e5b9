//! Each kind of abuse by itself: how it is answered, the collector's peak memory, and what a good client notices of it. The test
//! prints the table.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use crate::attacks::{deaf_clients, idle_clients, slow_clients};
use crate::bodies::{Abuse, abuses};
use crate::collector::Collector;
use crate::hostile::exchange;
use crate::polite::Polite;
use crate::support::load::StopsAtTheEnd;
use crate::support::process::PATIENCE;
use crate::{ALONE, MIB};

const FLAGS: [&str; 4] = ["--max-body", "4MiB", "--max-in-flight", "32MiB"];

/// How long the collector waits for a client. The good one must never have to.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// How many abuse it at a time, and for how long.
const ABUSERS: usize = 4;
const TIME: Duration = Duration::from_millis(400);

/// What the process may take at its peak: twice the bytes in flight, the bus's own bounds (120 MiB), decoders, ten thousand
/// connections of 16 KiB, and half as much again.
const MOST_MEMORY: u64 = 600 * MIB;

/// Connections that nobody uses.
const IDLE: usize = 10_000;

/// A line of the table.
struct Row {
    name: &'static str,
    /// How often each status was answered; none is a connection that was cut.
    answers: BTreeMap<Option<u16>, usize>,
    peak: u64,
    /// Of the good client's hits, in milliseconds.
    p99: f64,
}

/// Practises one kind of abuse while a good client goes on.
fn measure(collector: &Collector, name: &'static str, abuse: impl FnOnce(&str) -> Vec<Option<u16>>) -> Row {
    let (address, stop, mut polite) = (collector.public.as_str(), AtomicBool::new(false), Polite::default());
    collector.forget_peak();
    let answers = scope(|scope| {
        let stopped = StopsAtTheEnd(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) || polite.latencies.len() < 100 {
                polite.send(address, true);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let answers = abuse(address);
        drop(stopped);
        answers
    });
    polite.latencies.sort_unstable();
    let p99 = polite.latencies[(polite.latencies.len() * 99 / 100).min(polite.latencies.len() - 1)];
    let counted = answers.into_iter().fold(BTreeMap::new(), |mut counted, answer| {
        *counted.entry(answer).or_default() += 1;
        counted
    });
    Row { name, answers: counted, peak: collector.memory("VmHWM"), p99: p99.as_secs_f64() * 1000.0 }
}

/// Sends the same request over and over, from several sides.
fn again_and_again(address: &str, request: &[u8]) -> Vec<Option<u16>> {
    let started = Instant::now();
    let one = || {
        let mut answers = vec![exchange(address, request)];
        while started.elapsed() < TIME {
            answers.push(exchange(address, request));
        }
        answers
    };
    scope(|scope| {
        let all: Vec<_> = (0..ABUSERS).map(|_| scope.spawn(one)).collect();
        let answers = all.into_iter().flat_map(|one| one.join().unwrap());
        answers.map(|answer| answer.map(|answer| answer.status)).collect()
    })
}

impl Row {
    fn line(&self) -> String {
        let status = |status: &Option<u16>| status.map_or_else(|| "cut".to_owned(), |status| status.to_string());
        let answers: Vec<_> =
            self.answers.iter().rev().map(|(answer, count)| format!("{} × {count}", status(answer))).collect();
        format!("| {} | {} | {:.0} | {:.1} |", self.name, answers.join(", "), self.peak as f64 / MIB as f64, self.p99)
    }

    /// What must hold of each: the answers are these or none, memory is bounded, and nobody good waits for somebody bad.
    fn must_hold(&self, statuses: &[u16]) {
        let name = self.name;
        assert!(self.answers.keys().flatten().all(|status| statuses.contains(status)), "{name}: {:?}", self.answers);
        assert!(self.peak < MOST_MEMORY, "{name}: {} MiB", self.peak / MIB);
        assert!(self.p99 < READ_TIMEOUT.as_secs_f64() * 1000.0, "{name}: the good client waited for {} ms", self.p99);
    }
}

#[test]
fn each_abuse_is_answered_within_bounded_memory_and_a_good_client_need_not_wait_for_it() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let read_timeout = format!("{}s", READ_TIMEOUT.as_secs());
    let mut collector = Collector::start(folder.path(), &[&FLAGS[..], &["--read-timeout", &read_timeout]].concat());
    println!("| input | answers | peak memory, MiB | p99 of a good client, ms |\n| --- | --- | --- | --- |");
    let none = measure(&collector, "none", |_| {
        std::thread::sleep(TIME);
        Vec::new()
    });
    println!("{}", none.line());
    for Abuse { name, request, status, may_be_cut } in abuses() {
        let row = measure(&collector, name, |address| again_and_again(address, &request));
        println!("{}", row.line());
        row.must_hold(&[status]);
        let is_told = row.answers.contains_key(&Some(status)) && !row.answers.contains_key(&None);
        assert!(may_be_cut || is_told, "{name}: {:?}", row.answers);
    }
    let slow = measure(&collector, "slow loris: 120 heads and bodies, a byte each 200 ms", slow_clients);
    println!("{}", slow.line());
    slow.must_hold(&[408]);
    let deaf = measure(&collector, "30 who send and never read", |address| {
        deaf_clients(address).into_iter().map(|_| None).collect()
    });
    println!("{}", deaf.line());
    deaf.must_hold(&[]);
    assert!(collector.process.stop().success());
    println!("{}", idle().line());
}

/// Ten thousand connections that nobody uses, against a collector that waits for longer than they need to come.
fn idle() -> Row {
    let raised = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), "--nofile=12000:"]).status();
    assert!(raised.is_ok_and(|status| status.success()), "12,000 files cannot be open: prlimit, ulimit -Hn");
    let folder = tempfile::tempdir().unwrap();
    let mut collector = Collector::start(
        folder.path(),
        &[&FLAGS[..], &["--max-connections", "12000", "--read-timeout", "5m"]].concat(),
    );
    let mut open = 0.0;
    let row = measure(&collector, "10,000 idle connections", |address| {
        let streams = idle_clients(address, IDLE);
        std::thread::sleep(TIME);
        // The last ones may still wait to be accepted.
        let began = Instant::now();
        while open <= IDLE as f64 && began.elapsed() < PATIENCE {
            open = collector.metric("tributary_http_connections");
        }
        drop(streams);
        Vec::new()
    });
    row.must_hold(&[]);
    assert!(open > IDLE as f64, "only {open} were open at a time, the good client's among them");
    assert!(collector.process.stop().success());
    row
}
