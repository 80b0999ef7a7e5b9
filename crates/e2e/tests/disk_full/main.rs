//! The disk under the bus and the lake runs full: the edge says so, nothing that was acknowledged is lost, and when
//! there is room again everything goes on by itself (P1, P2).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod small_disk;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::Source;
use events::Topic;
use serde_json::{Value, json};
use small_disk::{Kind, SmallDisk};
use support::binary::{log_text, verify};
use support::lake;
use support::load::Load;
use support::process::PATIENCE;
use support::reference;
use support::up::Up;

/// The lake is written less often than it takes to fill the disk, so that rows wait for it when that is full.
const FLAGS: [&str; 4] = ["--flush-interval", "3s", "--idle-interval", "1s"];

#[test]
fn a_full_disk_is_a_503_that_loses_nothing_and_passes_by_itself() {
    let disk = SmallDisk::new();
    let data = disk.data();
    let mut up = disk.start(&FLAGS);
    let load = Load::default();
    let mut probes = Probes::default();

    assert_eq!(probes.send(&up), 200);
    assert!(wait_for(|| is_enriched(&data).then_some(())).is_some(), "{}", log_text(&data));
    let started = Instant::now();
    run_until_refused(&load, &up);
    let acknowledged = load.acknowledged.lock().unwrap().len();
    println!("{:?}: {acknowledged} hits in {:?} until the first refusals", disk.kind(), started.elapsed());
    assert!(acknowledged > 50, "hardly any load: {acknowledged}: {}", log_text(&data));

    // It is full now, and stays so.
    disk.fill();
    let is_refused = wait_for(|| (probes.send(&up) == 503).then_some(()));
    assert!(is_refused.is_some(), "it took everything: {}", log_text(&data));
    let full_since = Instant::now();
    let not_ready =
        wait_for(|| Some(get(&up, "ready")).filter(|(status, parts)| *status == 503 && parts["collector"] != "ready"));
    let (_, parts) = not_ready.expect("an edge that refuses everything is not ready");
    println!("/ready: {parts}");
    assert_eq!(get(&up, "live").0, 200, "it is not dead, and need not be killed");
    // For some time, and as often as it takes to see that it is full.
    while full_since.elapsed() < Duration::from_secs(2)
        || (probes.refused.len() < 10 && full_since.elapsed() < PATIENCE)
    {
        probes.send(&up);
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("while it was full: {} probes taken, {} refused", probes.acknowledged.len(), probes.refused.len());
    assert!(probes.refused.len() >= 10, "it was hardly ever full");
    if disk.kind() == Kind::Mounted {
        let errors = wait_for(|| Some(metric(&up, "tributary_lake_errors_total")).filter(|errors| *errors > 0.0));
        println!("the lake-writer failed {errors:?} times");
        assert!(errors.is_some(), "the lake is on the same disk");
    }

    let room_at = Instant::now();
    disk.make_room(&up);
    let is_taken = wait_for(|| (probes.send(&up) == 200).then_some(()));
    assert!(is_taken.is_some(), "it does not go on: {}", log_text(&data));
    println!("taken again {:?} after there was room", room_at.elapsed());
    assert!(load.settle(up.url("collect")), "a hit was refused: {}", log_text(&data));
    for id in std::mem::take(&mut probes.refused) {
        assert_eq!(probes.send_again(&up, id), 200);
    }
    let is_ready = wait_for(|| (get(&up, "ready").0 == 200).then_some(()));
    assert!(is_ready.is_some(), "{:?}", get(&up, "ready"));
    println!("ready again {:?} after there was room", room_at.elapsed());

    let mut acknowledged: Vec<String> = load.acknowledged.lock().unwrap().drain(..).collect();
    acknowledged.append(&mut probes.acknowledged);
    assert!(
        wait_for_rows(&data, &acknowledged).is_some(),
        "sessionizer or lake-writer did not go on: {}",
        log_text(&data)
    );
    println!("all in the lake {:?} after there was room", room_at.elapsed());
    assert!(up.process.stop().success(), "it did not end in good order: {}", log_text(&data));

    let rows = lake::times_of_hits(&data.join("lake"));
    let doubled: Vec<_> = rows.iter().filter(|&(_, &times)| times > 1).collect();
    let missing: Vec<_> = acknowledged.iter().filter(|id| !rows.contains_key(*id)).collect();
    println!("acknowledged {}, missing {}, doubled {}", acknowledged.len(), missing.len(), doubled.len());
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    let verified = verify(&data);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_stop_while_the_disk_is_full_loses_nothing() {
    let disk = SmallDisk::new();
    let data = disk.data();
    let mut up = disk.start(&FLAGS);
    let load = Load::default();
    run_until_refused(&load, &up);
    disk.fill();
    let started = Instant::now();
    let status = {
        let pid = up.process.pid();
        let status = up.process.stop();
        println!("process {pid} ended with {status} after {:?}", started.elapsed());
        status
    };
    assert!(status.success(), "{status}: {}", log_text(&data));

    let mut up = disk.start_with_room(&FLAGS);
    assert!(load.settle(up.url("collect")), "a hit was refused: {}", log_text(&data));
    let acknowledged = load.acknowledged.lock().unwrap();
    assert!(wait_for_rows(&data, &acknowledged).is_some(), "it does not go on: {}", log_text(&data));
    assert!(up.process.stop().success(), "{}", log_text(&data));
    let rows = lake::times_of_hits(&data.join("lake"));
    let missing: Vec<_> = acknowledged.iter().filter(|id| rows.get(*id) != Some(&1)).collect();
    assert!(missing.is_empty(), "of {} not once in the lake: {missing:?}", acknowledged.len());
    let verified = verify(&data);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Whether the sessionizer has written something for the lake.
fn is_enriched(data: &Path) -> bool {
    let bus = reference::open(data);
    let ends = (0..bus.partitions()).map(|partition| Source { topic: Topic::HitsEnriched, partition });
    ends.map(|source| bus.bounds(source).unwrap()).any(|bounds| bounds.end > bounds.start)
}

/// Loads it until every connection was refused something.
fn run_until_refused(load: &Load, up: &Up) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let visitors = scope.spawn(|| load.run(up.url("collect"), 4, &stop));
        let started = Instant::now();
        while !visitors.is_finished() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Hits that are sent one by one, each answer looked at.
#[derive(Default)]
struct Probes {
    next: u64,
    acknowledged: Vec<String>,
    refused: Vec<String>,
}

impl Probes {
    fn send(&mut self, up: &Up) -> u16 {
        self.next += 1;
        self.send_again(up, format!("00000000-0000-4000-9000-{:012x}", self.next))
    }

    fn send_again(&mut self, up: &Up, id: String) -> u16 {
        let hit = json!({ "hit_id": id, "site": "shop.example", "visitor_id": "prober", "url": "/probe" });
        let mut answer =
            agent().post(up.url("collect")).content_type("application/json").send(hit.to_string()).unwrap();
        let body: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        match answer.status().as_u16() {
            200 => {
                assert_eq!(body["accepted"], 1, "{body}");
                self.acknowledged.push(id);
            }
            503 => {
                let seconds = answer.headers()["retry-after"].to_str().unwrap().parse::<u32>();
                assert!(seconds.is_ok_and(|seconds| seconds > 0), "{answer:?}");
                assert_eq!((&body["accepted"], &body["error"]["reason"]), (&json!(0), &json!("unavailable")));
                assert!(body["error"]["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
                self.refused.push(id);
            }
            other => panic!("{other}: {body}"),
        }
        answer.status().as_u16()
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    config.build().into()
}

/// What the admin port answers; a text that is no JSON as a JSON string.
fn get(up: &Up, page: &str) -> (u16, Value) {
    let mut answer = agent().get(&up.admin(page)).call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The sum of a metric over its labels.
fn metric(up: &Up, name: &str) -> f64 {
    let (_, page) = get(up, "metrics");
    let lines = page.as_str().unwrap().lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Waits until each hit is in the lake.
fn wait_for_rows(data: &Path, ids: &[String]) -> Option<()> {
    wait_for(|| {
        let rows = lake::times_of_hits(&data.join("lake"));
        ids.iter().all(|id| rows.contains_key(id)).then_some(())
    })
}

/// Asks again and again until there is an answer; none when patience ends.
fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}
