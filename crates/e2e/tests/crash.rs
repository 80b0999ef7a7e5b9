//! The real binary, killed at random moments under load: nothing that was acknowledged is missing, nothing is
//! there twice, and the sessions are those of a run that nobody disturbed (P1, P2, P3).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use events::{Span, Topic, WindowSettings};
use support::binary::{log_text, up, up_for, verify};
use support::load::Load;
use support::process::PATIENCE;
use support::{Random, lake, reference};

/// Short enough that every session is final soon after the last hit; long enough that a hit which is sent again
/// after a restart is still known.
const FLAGS: [&str; 8] = ["--gap", "4s", "--lateness", "4s", "--idle-interval", "300ms", "--flush-interval", "250ms"];

fn settings() -> WindowSettings {
    WindowSettings { gap: Span::from_secs(4), lateness: Span::from_secs(4), ..WindowSettings::default() }
}

fn rounds() -> u64 {
    std::env::var("TOOLS_CRASH_ROUNDS").map_or(25, |rounds| rounds.parse().unwrap())
}

fn seed() -> u64 {
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    std::env::var("TOOLS_CRASH_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap())
}

#[test]
fn sigkill_at_any_moment_loses_nothing_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let (rounds, seed) = (rounds(), seed());
    println!("{rounds} rounds, TOOLS_CRASH_SEED={seed}");
    let mut random = Random(seed);
    let load = Load::default();
    let mut died_early = 0;
    for _ in 0..rounds {
        let started = Instant::now();
        let mut up = up(data, &FLAGS);
        let until_it_listens = started.elapsed().as_micros() as u64;
        let url = up.url("collect").to_owned();
        let lives = Duration::from_millis(random.between(50, 900));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| load.run(&url, 4, &stop));
            std::thread::sleep(lives);
            up.process.kill();
            stop.store(true, Ordering::Relaxed);
        });
        // Some die again while they put in order what the one before has left, and never listen.
        while random.between(0, 1) == 0 {
            died_early += 1;
            up_for(Duration::from_micros(random.between(0, until_it_listens)), data, &FLAGS);
        }
    }
    let mut up = up(data, &FLAGS);
    assert!(load.settle(up.url("collect")), "a hit was refused: {}", log_text(data));
    wait_until_all_is_final(data);
    assert!(up.process.stop().success(), "it did not end in good order: {}", log_text(data));

    let acknowledged: BTreeSet<String> = load.acknowledged.lock().unwrap().drain(..).collect();
    let (missing, doubled) = compare_rows(data, &acknowledged);
    println!(
        "rounds {rounds}, killed before they listened {died_early}, acknowledged {}, missing {}, doubled {}",
        acknowledged.len(),
        missing.len(),
        doubled.len()
    );
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    assert!(acknowledged.len() > rounds as usize * 10, "hardly any load: {}", acknowledged.len());
    compare_sessions(data);
    let verified = verify(data);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Waits until time has made every session final and the lake holds every record of the log.
fn wait_until_all_is_final(data: &Path) {
    let started = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let bus = reference::open(data);
        let open: usize = (0..bus.partitions()).map(|partition| open_sessions(&bus, partition)).sum();
        let verified = verify(data);
        let report: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
        let pending: u64 =
            report["series"].as_array().unwrap().iter().filter_map(|series| series["pending"].as_u64()).sum();
        if open == 0 && pending == 0 {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{open} sessions open, {pending} records pending: {}", log_text(data));
    }
}

fn open_sessions(bus: &bus::SharedBus, partition: u32) -> usize {
    let log = reference::records(bus, Topic::Hits, partition);
    reference::undisturbed(&log, partition, settings(), Topic::Sessions).0.open_sessions()
}

/// Which acknowledged ids are in no row, and which ids are in several.
fn compare_rows(data: &Path, acknowledged: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let times = lake::times_of_hits(&data.join("lake"));
    let missing = acknowledged.iter().filter(|id| !times.contains_key(*id)).cloned().collect();
    let doubled = times.into_iter().filter(|&(_, times)| times > 1).map(|(id, _)| id).collect();
    (missing, doubled)
}

/// The topic holds what an undisturbed engine puts out, to the byte, and the lake holds what the topic holds.
fn compare_sessions(data: &Path) {
    let bus = reference::open(data);
    let mut expected_rows = BTreeMap::new();
    for partition in 0..bus.partitions() {
        let log = reference::records(&bus, Topic::Hits, partition);
        let (_, expected) = reference::undisturbed(&log, partition, settings(), Topic::Sessions);
        let found = reference::records(&bus, Topic::Sessions, partition);
        let found: Vec<_> = found.into_iter().filter_map(|record| record.value).map(|value| text(&value)).collect();
        assert_eq!(found, expected.iter().map(|value| text(value)).collect::<Vec<_>>(), "partition {partition}");
        for session in &found {
            let session: events::Session<'_> = serde_json::from_str(session).unwrap();
            expected_rows.insert(session.session_id.to_string(), i64::from(session.hit_count));
        }
    }
    let rows = lake::rows(&data.join("lake"), "sessions");
    let found: BTreeMap<_, _> =
        rows.iter().map(|row| (lake::text(row, "session_id").unwrap(), lake::number(row, "hit_count"))).collect();
    assert_eq!(rows.len(), expected_rows.len(), "a session is there twice");
    assert_eq!(found, expected_rows);
    let hits = lake::rows(&data.join("lake"), "hits");
    assert_eq!(expected_rows.values().sum::<i64>() as usize, hits.len(), "each row of hits is counted in one session");
}

fn text(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).unwrap()
}
