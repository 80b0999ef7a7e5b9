//! A hit that was rejected, repaired and sent in again, as an operator does it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::process::PATIENCE;
use support::up::Up;
use support::{text, tributary};
use tempfile::TempDir;

/// Everything at once on one site, and what it writes.
struct Shop {
    up: Up,
    folder: TempDir,
}

impl Shop {
    fn open(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sites = folder.path().join("sites.toml");
        std::fs::write(&sites, "[sites.shop]\n").unwrap();
        let log = File::create(folder.path().join("stderr")).unwrap();
        let mut command = tributary();
        // No ticks: what stands in the log is what was sent.
        command
            .args(["up", "--idle-interval", "1h"])
            .args(flags)
            .arg("--sites")
            .arg(sites)
            .arg("--data")
            .arg(folder.path());
        let up = Up::start(command.args(["--log-format", "json"]).stderr(log));
        Self { up, folder }
    }

    fn post(&self, body: &str) -> Value {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut answer = agent.post(self.up.url("collect")).content_type("application/json").send(body).unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// What `tail` prints.
    fn tail(&self, topic: &str) -> String {
        let output =
            tributary().args(["tail", topic, "--no-follow", "--data"]).arg(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    }

    fn values(&self, topic: &str) -> Vec<Value> {
        let records = self.tail(topic);
        records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["value"].take()).collect()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Its code, and all that it said.
    fn resubmit(&self, file: &Path, flags: &[&str]) -> (i32, String) {
        let mut command = tributary();
        command.args(["resubmit", "--url", self.up.url("collect")]).args(flags).arg(file);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
    }
}

/// As the tracker sends it, for a site whose name has a slip in it.
const BODY: &str = r#"{"site":"shpo","visitor_id":"v1","sent_at":"2026-11-02T10:00:00Z",
    "hits":[{"url":"/a","client_time":"2026-11-02T09:59:50Z"}]}"#;

#[test]
fn a_rejected_hit_that_is_repaired_and_sent_twice_counts_once() {
    let shop = Shop::open(&[]);
    assert_eq!(shop.post(BODY)["rejected"][0]["reason"], "unknown_site");
    let rejected = shop.tail("rejected");

    let (code, said) = shop.resubmit(&shop.file("as-it-is", &rejected), &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("line 1: rejected: unknown_site at /site: "), "{said}");
    assert!(said.contains("1 hits sent: 0 taken, 1 rejected; 0 lines could not be sent"), "{said}");

    let repaired = shop.file("repaired", &rejected.replace(r#""site":"shpo""#, r#""site":"shop""#));
    let (code, said) = shop.resubmit(&repaired, &["--dry-run"]);
    assert!(code == 0 && shop.values("hits").is_empty(), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["visitor_id"], "v1");
    for _ in 0..2 {
        let (code, said) = shop.resubmit(&repaired, &[]);
        assert_eq!((code, said.as_str()), (0, "1 hits sent: 1 taken, 0 rejected; 0 lines could not be sent\n"));
    }
    let hits = shop.values("hits");
    assert_eq!((hits.len(), &hits[0]["hit_id"]), (2, &hits[1]["hit_id"]));
    // The browser was slow by what lay between its clock and ours then, and not by what lies between then and now.
    let rejection: Value = serde_json::from_str(rejected.lines().next().unwrap()).unwrap();
    let moment = |value: &Value| value.as_str().unwrap().parse::<events::Timestamp>().unwrap();
    let late = moment(&rejection["value"]["time"]) - moment(&hits[0]["event_time"]);
    assert_eq!(late, events::Span::from_secs(10));
    assert_eq!((&hits[0]["visitor_id"], hits[0].get("user_agent")), (&"v1".into(), None));

    let begun = Instant::now();
    while shop.values("hits.enriched").is_empty() {
        assert!(begun.elapsed() < PATIENCE, "it was never enriched");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(shop.values("hits.enriched").len(), 1, "a copy is found by its id");
}

#[test]
fn what_cannot_be_sent_is_said_line_by_line_and_a_collector_that_is_not_there_at_once() {
    let shop = Shop::open(&[]);
    let lines = shop.file("lines", "hello\n\n{\"site\":\"shop\"}\n");
    let (code, said) = shop.resubmit(&lines, &[]);
    assert_eq!(code, 1);
    assert!(said.contains("line 1: not sent: invalid_json: "), "{said}");
    assert!(said.contains("1 hits sent: 1 taken, 0 rejected; 1 lines could not be sent"), "{said}");

    // A port below those that anybody is given who asks for a free one.
    let url = "http://127.0.0.1:1/collect";
    let output = tributary().args(["resubmit", "--url", url]).arg(&lines).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr).lines().last().unwrap();
    assert!(error.starts_with(&format!("error: {url}: ")), "{error}");
}

#[test]
fn requests_are_logged_where_it_is_asked_for_with_no_more_of_an_address_than_a_site_allows() {
    let shop = Shop::open(&["--access-log-sample", "1"]);
    shop.post(r#"{"site":"shop"}"#);
    let log = std::fs::read_to_string(shop.folder.path().join("stderr")).unwrap();
    let line = log.lines().find(|line| line.contains("access_log")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["method"], &line["route"], &line["status"]), (&"POST".into(), &"/collect".into(), &200.into()));
    assert_eq!(line["address"], "127.0.0.0");
}
