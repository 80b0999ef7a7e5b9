//! SIGKILL cannot see a missing sync: the kernel keeps what a dead process wrote. So the system calls are watched:
//! between a request's arrival and its 2xx, the log's file was written and synced (P1).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::binary::{log_text, up_under};

/// Where in the trace something happened.
fn position(lines: &[&str], from: usize, what: &str, is_it: impl Fn(&str) -> bool) -> usize {
    let found = lines.iter().skip(from).position(|line| is_it(line));
    from + found.unwrap_or_else(|| panic!("no {what} in the trace from line {from} on:\n{}", lines[from..].join("\n")))
}

#[test]
fn the_log_is_synced_between_a_request_and_its_2xx() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let trace = data.join("trace");
    let trace_path = trace.to_str().unwrap();
    // -D: the binary stays our child, and strace is beside it. -y: file descriptors with their paths.
    let calls = "--trace=fsync,fdatasync,pwrite64,read,recvfrom,write,writev,sendto,sendmsg";
    let strace = ["strace", "-D", "-f", "-y", "-s", "256", calls, "--output", trace_path];
    let mut up = up_under(&strace, data, &["--flush-interval", "1h"]);
    let body = r#"{"site":"shop.example","visitor_id":"v1","url":"https://shop.example/","title":"watched"}"#;
    let answer = ureq::post(up.url("collect")).header("content-type", "application/json").send(body).unwrap();
    assert_eq!(answer.status(), 200);
    assert!(up.process.stop().success(), "{}", log_text(data));

    let trace = std::fs::read_to_string(trace).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    let request = position(&lines, 0, "request", |line| line.contains("POST /collect"));
    let answer = position(&lines, request, "answer", |line| line.contains("HTTP/1.1 200"));
    let is_log = |line: &str| line.contains("log.db-wal>");
    let write = position(&lines, request, "write of the log", |line| line.contains("pwrite64(") && is_log(line));
    let called = position(&lines, write, "sync of the log", |line| line.contains("sync(") && is_log(line));
    // A call that another thread interrupts stands in two lines; the second one has the result.
    let thread = lines[called].split_whitespace().next().unwrap();
    let synced = if lines[called].contains("<unfinished") {
        position(&lines, called, "end of the sync", |line| line.starts_with(thread) && line.contains("sync resumed"))
    } else {
        called
    };
    assert!(lines[synced].contains("= 0"), "the sync failed: {}", lines[synced]);
    assert!(
        request < write && write < called && synced < answer,
        "request {request}, write {write}, sync {called} to {synced}, answer {answer}:\n{}",
        lines[request..=answer.max(synced)].join("\n")
    );
}
