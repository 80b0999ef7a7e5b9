//! One service as a process: what it logs, and what its admin port says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::process::{PATIENCE, Process};
use crate::support::tributary;

pub(crate) struct Service {
    pub(crate) process: Process,
    /// Its standard error so far.
    lines: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Starts it on free ports.
    pub(crate) fn start(broker: &str, prefix: &str, args: &[&str]) -> Self {
        Self::spawn(broker, prefix, |command| command.args(args))
    }

    /// Starts it on free ports, as somebody with a login.
    pub(crate) fn start_with(broker: &str, prefix: &str, args: &[&str], kafka_config: &Path) -> Self {
        Self::spawn(broker, prefix, |command| command.args(args).arg("--kafka-config").arg(kafka_config))
    }

    fn spawn(broker: &str, prefix: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = tributary();
        with(&mut command).args(["--admin", "127.0.0.1:0", "--log", "info", "--log-format", "json"]);
        command.args(["--bus", &format!("kafka://{broker}"), "--topic-prefix", prefix]);
        let mut process = Process::spawn(command.stdout(Stdio::null()).stderr(Stdio::piped()));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (stderr, heard) = (process.pipes().stderr.take().unwrap(), lines.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        Self { process, lines }
    }

    /// The same, once it can do its work.
    pub(crate) fn ready(self) -> Self {
        self.wait_until_ready(true);
        self
    }

    /// The collector's public address.
    pub(crate) fn listens_at(&self) -> String {
        self.said("listen")
    }

    /// The value of a field that its log says, once it does.
    fn said(&self, field: &str) -> String {
        let value = |line: String| serde_json::from_str::<Value>(&line).ok()?[field].as_str().map(str::to_owned);
        self.wait_for(field, || self.lines().into_iter().find_map(value))
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How often it has logged a message of this level that begins so.
    pub(crate) fn count(&self, level: &str, message: &str) -> usize {
        let is_it = |line: &Value| {
            line["level"] == level && line["message"].as_str().is_some_and(|said| said.starts_with(message))
        };
        self.lines().iter().filter_map(|line| serde_json::from_str(line).ok()).filter(is_it).count()
    }

    /// Status and body of a page of its admin port, once it has one.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.said("admin")).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer.split("\r\n\r\n").nth(1).unwrap().to_owned())
    }

    /// Asks until there is an answer.
    pub(crate) fn wait_for<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}: {:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn wait_until_ready(&self, is_ready: bool) {
        self.wait_for(&format!("/ready {is_ready}"), || ((self.page("/ready").0 == 200) == is_ready).then_some(()));
    }
}
