//! The load on a real collector: what it says was acknowledged is in the log, and what it must not load it does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use bus::Source;
use bus::embedded::EmbeddedBus;
use events::Topic;
use serde_json::Value;
use support::tributary;

/// A collector that goes with its owner.
struct Collector {
    process: Child,
    url: String,
}

impl Collector {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    fn start_with(data: &Path, flags: &[&str]) -> Self {
        let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json", "--log", "info"];
        let mut command = tributary();
        command.arg("collector").args(ports).args(flags).arg("--data").arg(data).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["listen"].as_str().map(str::to_owned)
        });
        // Read to the end, so that it never waits for its own log.
        std::thread::spawn(move || lines.count());
        Self { process, url: format!("http://{}/collect", address.unwrap()) }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn load(url: &str, flags: &[&str]) -> Output {
    tributary().args(["load", "--url", url, "--json"]).args(flags).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The ids of all hits in the log.
fn logged(data: &Path) -> BTreeSet<String> {
    let bus = EmbeddedBus::open_beside(&data.join("bus")).unwrap();
    let mut ids = BTreeSet::new();
    for partition in 0..bus.partitions() {
        let source = Source { topic: Topic::Hits, partition };
        let bounds = bus.bounds(source).unwrap();
        let mut reader = bus.read(source, bounds.start).unwrap();
        while reader.position() < bounds.end {
            for record in reader.next(Duration::from_secs(1)).unwrap() {
                let hit: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
                ids.insert(hit["hit_id"].as_str().unwrap().to_owned());
            }
        }
    }
    ids
}

#[test]
fn what_it_says_was_acknowledged_is_in_the_log_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let acknowledged = folder.path().join("acknowledged");
    let file = acknowledged.to_str().unwrap();
    let mut ids = BTreeSet::new();
    for batch in ["1", "3"] {
        let flags =
            ["--rate", "300", "--duration", "1s", "--batch", batch, "--connections", "8", "--acknowledged", file];
        let output = load(&collector.url, &flags);
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["acknowledged"], &report["unsent"]), (&300.into(), &0.into()), "{report}");
        assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0, "{report}");
        ids.extend(std::fs::read_to_string(&acknowledged).unwrap().lines().map(str::to_owned));
    }
    assert_eq!(ids.len(), 600);
    assert_eq!(logged(folder.path()), ids);
}

#[test]
fn what_is_not_taken_is_counted_and_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let elsewhere = collector.url.replace("/collect", "/nowhere");
    let output = load(&elsewhere, &["--rate", "50", "--duration", "200ms"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["errors"]["status 404"], &report["acknowledged"]), (&10.into(), &0.into()), "{report}");
}

#[test]
fn other_machines_are_left_alone_and_nobody_at_home_is_said_in_one_line() {
    let output = load("http://192.0.2.1:8080/collect", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--i-own-this-host"), "{}", text(&output.stderr));

    // A port below those that anybody is given who asks for a free one.
    let output = load("http://127.0.0.1:1/collect", &["--connections", "2"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("cannot be reached") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_file_of_sites_that_is_read_anew_under_load_costs_nobody_a_hit() {
    let folder = tempfile::tempdir().unwrap();
    let (sites, aside) = (folder.path().join("sites.toml"), folder.path().join("aside"));
    let write = |text: String| {
        std::fs::write(&aside, text).unwrap();
        std::fs::rename(&aside, &sites).unwrap();
    };
    let good = "[sites.\"load.example\"]\n";
    write(good.to_owned());
    let collector = Collector::start_with(folder.path(), &["--sites", sites.to_str().unwrap()]);
    let acknowledged = folder.path().join("acknowledged");
    let mut load = tributary();
    load.args(["load", "--url", &collector.url, "--json", "--rate", "300", "--duration", "2s", "--connections", "8"]);
    let load = load.arg("--acknowledged").arg(&acknowledged).stdout(Stdio::piped()).spawn().unwrap();
    for round in 0..20 {
        // Another one each time, and every second one broken.
        write(format!("{good}quota = {}", if round % 2 == 0 { 1_000_000 + round } else { -1 }));
        let pid = collector.process.id().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        std::thread::sleep(Duration::from_millis(100));
    }
    let output = load.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    let ids: BTreeSet<_> = std::fs::read_to_string(acknowledged).unwrap().lines().map(str::to_owned).collect();
    assert_eq!((ids.len(), logged(folder.path())), (600, ids));
}
