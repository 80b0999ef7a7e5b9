//! From the start of a killed sessionizer until it is ready again.

use std::time::{Duration, Instant};

use events::{Timestamp, Topic};
use kafka_broker::Broker;
use serde_json::Value;

use crate::cpu::{self, Moment};
use crate::pipeline::Pipeline;
use crate::service::Service;
use crate::{grouped, load, setting, state};

/// Longer than the state takes to be written behind the last hit: a checkpoint each ten seconds.
const UNTIL_STATE_STANDS: Duration = Duration::from_secs(25);

/// Longer than a restore takes; only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(900);

/// How long the broker gets to compact the state: it looks every fifteen seconds, and works for a while.
const FOR_COMPACTION: Duration = Duration::from_secs(60);

/// Sessions of few hits, which came by the log.
pub(crate) fn of_hits(broker: &Broker) {
    let (sessions, updates) = (setting("OPEN_SESSIONS", 250_000), setting("UPDATES", 4));
    let pipeline = Pipeline::new(broker, "restore");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    load::open_sessions(&pipeline.bus, sessions, updates, Timestamp::from_millis(now as i64));
    println!("restore of {} open sessions, {updates} hits each", grouped(sessions as u64));

    // With a name, the group gives its partitions back at once instead of waiting for the dead one's return.
    let mut sessionizer = pipeline.service("sessionizer", &["--instance-id", "one"]);
    sessionizer.start();
    pipeline.wait_for_group(&pipeline.ends(Topic::Hits));
    once(&mut sessionizer, "killed in full work");
    std::thread::sleep(UNTIL_STATE_STANDS);
    once(&mut sessionizer, "killed at rest");
    assert!(sessionizer.stop().success(), "{}", sessionizer.log());
    println!();
}

/// Sessions of many hits, whose state the engine writes here.
pub(crate) fn of_long_sessions(broker: &Broker) {
    let (sessions, updates) = (setting("LONG_SESSIONS", 100_000), setting("LONG_UPDATES", 50));
    let checkpoints = setting("CHECKPOINTS", 10);
    let pipeline = Pipeline::new(broker, "state");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let now = Timestamp::from_millis(now as i64);
    // Where a log has its name, it stands first in the state.
    pipeline.bus.log_id().unwrap();
    let started = Instant::now();
    let (records, bytes) = state::write(&pipeline.bus, state::Visits { sessions, updates, checkpoints, now });
    println!(
        "restore of {} open sessions, {updates} hits each, {checkpoints} checkpoints on the way: {} records of {} bytes, \
         written in {:.0} s",
        grouped(sessions as u64),
        grouped(records),
        bytes / records.max(1),
        started.elapsed().as_secs_f64()
    );
    let mut sessionizer = pipeline.service("sessionizer", &["--instance-id", "one"]);
    once(&mut sessionizer, "at once");
    for round in 1..=setting("COMPACTIONS", 2) {
        std::thread::sleep(FOR_COMPACTION);
        once(&mut sessionizer, &format!("{} s later", FOR_COMPACTION.as_secs() * round as u64));
    }
    sessionizer.kill();
    println!();
}

/// As long as it takes: a busy machine needs minutes.
fn wait_until_ready(sessionizer: &Service) {
    let started = Instant::now();
    while sessionizer.get("ready").is_none_or(|(status, _)| status != 200) {
        assert!(started.elapsed() < PATIENCE, "not ready: {}", sessionizer.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn once(sessionizer: &mut Service, what: &str) {
    sessionizer.kill();
    let said_before = sessionizer.log().len();
    let started = Instant::now();
    sessionizer.start();
    let pid = sessionizer.pid();
    let before = Moment::now(&[pid]);
    wait_until_ready(sessionizer);
    let (seconds, used) = (started.elapsed().as_secs_f64(), before.used());
    let log = sessionizer.log();
    let events = log[said_before..].lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let restored: Vec<_> = events.filter(|event| event["message"] == "restored").collect();
    assert!(!restored.is_empty(), "ready without a restore: {log}");
    let sum = |field: &str| grouped(restored.iter().filter_map(|event| event[field].as_u64()).sum());
    println!(
        "  {what}: ready after {seconds:.1} s ({:.1} s of CPU); {} partitions, {} records of state, {} offsets of the log \
         again, {} open sessions; peak memory {} MiB; {}",
        used.processes[0],
        restored.len(),
        sum("records"),
        sum("replayed"),
        sum("open_sessions"),
        cpu::peak_mib(pid),
        used.others(),
    );
}
