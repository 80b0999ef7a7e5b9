//! `tributary up` on a broker.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use crate::support::process::PATIENCE;
use crate::support::{text, tributary, up};

/// A running `tributary up`.
pub(crate) struct Up(up::Up);

impl Up {
    /// Starts it on free ports, and waits until it listens.
    pub(crate) fn start(broker: &str, prefix: &str, data: &Path) -> Self {
        let mut command = tributary();
        command.args(["up", "--topic-prefix", prefix, "--bus", &format!("kafka://{broker}"), "--data"]).arg(data);
        // Who ended without a word is given up soon.
        let file = data.join("kafka.properties");
        std::fs::write(&file, "session.timeout.ms=6000\n").unwrap();
        command.arg("--kafka-config").arg(file);
        Self(up::Up::start(command.stderr(Stdio::null())))
    }

    /// Sends a hit of a visitor; the status.
    pub(crate) fn collect(&self, visitor: &'static str) -> u16 {
        self.collector(visitor)()
    }

    /// The same, for another thread.
    pub(crate) fn collector(&self, visitor: &'static str) -> impl FnOnce() -> u16 + Send + use<> {
        let collect = self.0.address("collect").to_owned();
        move || collect_at(&collect, visitor)
    }

    /// SIGTERM, and how it ended after how long.
    pub(crate) fn stop(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        (self.0.process.stop(), begun.elapsed())
    }
}

/// Sends a hit; the status.
pub(crate) fn collect_at(collect: &str, visitor: &str) -> u16 {
    let hit = format!(r#"{{"type":"pageview","site":"s","visitor_id":"{visitor}","url":"https://s.example/"}}"#);
    let mut stream = TcpStream::connect(collect).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "POST /collect HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{hit}",
        hit.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The records that `tail` shows.
pub(crate) fn tail(broker: &str, prefix: &str, args: &[&str]) -> Vec<Value> {
    let bus = format!("kafka://{broker}");
    let output = tributary().args(["tail", "--bus", &bus, "--topic-prefix", prefix]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What `verify` finds, and its code.
pub(crate) fn verify(broker: &str, prefix: &str, lake: &Path) -> (Value, i32) {
    let bus = format!("kafka://{broker}");
    let mut command = tributary();
    command.args(["verify", "--json", "--bus", &bus, "--topic-prefix", prefix, "--lake"]).arg(lake);
    let output = command.output().unwrap();
    assert_ne!(output.status.code(), Some(2), "{}", text(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}
