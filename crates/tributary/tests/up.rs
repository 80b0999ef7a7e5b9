//! `tributary up`, as its users run it: the printed lines work as they stand.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use support::process::{PATIENCE, Process};
use support::up::Up;
use support::{rows, text, text_of, tributary, verify};
use tempfile::tempdir;

/// Starts it on free ports, and reads what it prints.
fn up(data: &Path) -> Up {
    Up::start(tributary().args(["up", "--data"]).arg(data).stderr(Stdio::null()))
}

/// An HTTP exchange; the whole answer.
fn http(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, path: &str) -> String {
    http(address, &format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"))
}

/// Does what the printed `curl` line would.
fn curl(line: &str) -> String {
    let header = line.split("-H '").nth(1).unwrap().split('\'').next().unwrap();
    let body = line.split("-d '").nth(1).unwrap().split('\'').next().unwrap();
    let url = line.rsplit(' ').next().unwrap().strip_prefix("http://").unwrap();
    let (address, path) = url.split_once('/').unwrap();
    let length = body.len();
    http(
        address,
        &format!(
            "POST /{path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Waits until `tail` shows so many records, from beside the running process.
fn tail_until(data: &Path, topic: &str, records: usize) -> Vec<Value> {
    let started = std::time::Instant::now();
    loop {
        let output = tributary().args(["tail", topic, "--no-follow", "--data"]).arg(data).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() >= records {
            return lines;
        }
        assert!(started.elapsed() < PATIENCE, "only {} records in {topic}", lines.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_hit_goes_from_the_printed_curl_line_into_the_lake() {
    let data = tempdir().unwrap();
    let mut up = up(data.path());
    let answer = curl(up.line("curl "));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"accepted":1,"rejected":[]}"#), "{answer}");
    assert!(get(up.address("tracker"), "/tracker.js").starts_with("HTTP/1.1 200"));
    assert!(get(up.address("admin"), "/live").starts_with("HTTP/1.1 200"));
    assert!(up.line("<script").contains(&format!("src=\"http://{}/tracker.js\"", up.address("tracker"))));

    let enriched = tail_until(data.path(), "hits.enriched", 1);
    assert_eq!(enriched[0]["value"]["site"], "my-site");
    assert!(enriched[0]["key"].as_str().unwrap().starts_with("my-site/"));
    let (found, code) = verify(&data.path().join("lake"), &data.path().join("bus"));
    assert_eq!(code, 0, "{found}");

    up.process.signal("INT");
    assert_eq!(up.process.wait().unwrap().code(), Some(0));
    let hits = rows(&data.path().join("lake"), "hits");
    assert_eq!(hits.iter().map(|row| text_of(row, "site")).collect::<Vec<_>>(), ["my-site"]);
    let (found, code) = verify(&data.path().join("lake"), &data.path().join("bus"));
    assert_eq!(code, 0, "{found}");
    let pending = found["series"].as_array().unwrap().iter().map(|series| series["pending"].as_u64().unwrap());
    assert_eq!(pending.sum::<u64>(), 0, "{found}");
}

#[test]
fn a_second_one_on_the_same_data_is_refused_in_one_line() {
    let data = tempdir().unwrap();
    let first = up(data.path());
    let second = tributary()
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    let said = text(&second.stderr);
    assert_eq!((second.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("another process uses the log"), "{said}");
    assert!(second.stdout.is_empty());
    assert!(get(first.address("admin"), "/live").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_port_in_use_is_named_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let data = tempdir().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output =
        tributary().args(["--admin", "127.0.0.1:0", "--listen", &address, "--data"]).arg(data.path()).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn tail_follows_from_beside_and_ends_quietly_when_its_reader_goes() {
    let data = tempdir().unwrap();
    let up = up(data.path());
    let mut tail =
        tributary().args(["tail", "hits", "--data"]).arg(data.path()).stdout(Stdio::piped()).spawn().unwrap();
    curl(up.line("curl "));
    let mut out = BufReader::new(tail.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["value"]["url"], "https://my-site.example/");

    drop(out);
    curl(up.line("curl "));
    let started = std::time::Instant::now();
    while tail.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "tail does not notice that nobody reads");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(tail.wait().unwrap().success());
}

#[test]
fn each_service_runs_alone() {
    for (name, own_flags) in
        [("collector", &["--listen", "127.0.0.1:0"][..]), ("sessionizer", &[]), ("lake-writer", &[])]
    {
        let data = tempdir().unwrap();
        let mut command = tributary();
        command.args([name, "--admin", "127.0.0.1:0", "--data"]).arg(data.path()).args(own_flags);
        let mut service = Process::spawn(command.stderr(Stdio::piped()));
        let mut log = BufReader::new(service.pipes().stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("answering /live") {
            assert!(log.read_line(&mut said).unwrap() > 0, "{name}: {said}");
        }
        let admin: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert!(get(admin["admin"].as_str().unwrap(), "/live").starts_with("HTTP/1.1 200"), "{name}");
        assert_eq!(service.stop().code(), Some(0), "{name}");
    }
}

/// A request whose body does not come, so that whoever has begun to read it cannot end in good order.
fn unfinished_request(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "POST /collect HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
                content-length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(text(&answer), "HTTP/1.1 100", "it waits for the body");
    stream
}

#[test]
fn a_second_signal_ends_it_at_once_and_its_log_is_json_where_nobody_looks_on() {
    let data = tempdir().unwrap();
    let mut command = tributary();
    command.args(["up", "--drain-timeout", "1h", "--read-timeout", "1h", "--data"]).arg(data.path());
    let mut up = Up::start(command.stderr(Stdio::piped()));
    let mut log = BufReader::new(up.process.pipes().stderr.take().unwrap());
    let _request = unfinished_request(up.address("collect"));
    let mut until = |wanted: &str| {
        let mut line = String::new();
        while log.read_line(&mut line).unwrap() > 0 {
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if event["message"].as_str().unwrap().starts_with(wanted) {
                return event;
            }
            line.clear();
        }
        panic!("its log ends without `{wanted}`");
    };
    up.process.signal("TERM");
    let event = until("stopping: no more input");
    assert_eq!((event["level"].as_str(), event["signal"].as_str()), (Some("INFO"), Some("SIGTERM")));
    assert!(event["timestamp"].is_string(), "{event}");
    up.process.signal("INT");
    assert_eq!(until("stopping at once")["signal"], "SIGINT");
    assert_eq!(up.process.wait().unwrap().code(), Some(130));
}

/// The values of a metric, by its labels as they are written.
fn metric(page: &str, name: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
    let lines = lines.filter(|(labels, _)| labels.is_empty() || labels.starts_with('{'));
    lines.map(|(labels, value)| (labels.to_owned(), value.parse().unwrap())).collect()
}

#[test]
fn metrics_tell_of_late_hits_copies_the_queue_and_a_time_that_stands_still() {
    let data = tempdir().unwrap();
    let mut command = tributary();
    // No tick: the watermark stands still once no hit comes.
    command.args(["up", "--partitions", "1", "--idle-interval", "1h", "--data"]).arg(data.path());
    let up = Up::start(command.stderr(Stdio::null()));
    let post = |body: &str| {
        let line = format!("-H 'content-type: application/json' -d '{body}' {}", up.url("collect"));
        let answer = curl(&line);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let page = || get(up.address("admin"), "/metrics");
    let until = |what: &str, is_so: &dyn Fn(&str) -> bool| {
        let started = std::time::Instant::now();
        loop {
            let page = page();
            if is_so(&page) {
                return page;
            }
            assert!(started.elapsed() < PATIENCE, "never {what}: {page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let sum = |page: &str, name: &str| metric(page, name).values().sum::<f64>();
    let hit = |id: u32, time: &str| {
        format!(
            r#"{{"hit_id":"00000000-0000-4000-8000-00000000000{id}","site":"s","visitor_id":"v","url":"https://s.example/"{time}}}"#
        )
    };
    post(&hit(1, ""));
    post(&hit(1, ""));
    let page_of_copies = until("a copy", &|page| sum(page, "tributary_hits_duplicate_total") == 1.0);
    assert_eq!(sum(&page_of_copies, "tributary_hits_accepted_total"), 2.0, "both were taken");
    until("an open session", &|page| sum(page, "tributary_sessions_open") == 1.0);
    assert_eq!(metric(&page_of_copies, "tributary_bus_queued_bytes").len(), 1, "{page_of_copies}");
    until("an empty queue", &|page| sum(page, "tributary_bus_queued_bytes") == 0.0);

    let lag = |page: &str| metric(page, "tributary_watermark_lag_seconds")[r#"{partition="0"}"#];
    let before = lag(&until("a lag", &|page| !metric(page, "tributary_watermark_lag_seconds").is_empty()));
    until("further behind while nothing is committed", &|page| lag(page) > before + 1.0);
    post(&hit(2, r#","client_time":"2020-01-01T00:00:00Z""#));
    until("a late hit", &|page| metric(page, "tributary_hits_late_total").get(r#"{reason="too_old"}"#) == Some(&1.0));
}
