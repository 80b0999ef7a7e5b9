//! A running `tributary up`, and what it printed. The tests of `crates/e2e` use this file too.

#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use super::process::{PATIENCE, Process};

pub(crate) struct Up {
    pub(crate) process: Process,
    pub(crate) banner: String,
}

impl Up {
    /// Runs a command that is `tributary up` with all flags but those of its ports, which are free ones, and waits until it
    /// listens.
    pub(crate) fn start(up: &mut Command) -> Self {
        up.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        let mut process = Process::spawn(up.stdin(Stdio::null()).stdout(Stdio::piped()));
        let mut out = BufReader::new(process.pipes().stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut banner = String::new();
            while !banner.contains("Ctrl-C") && out.read_line(&mut banner).is_ok_and(|read| read > 0) {}
            let _ = sender.send(banner);
        });
        let banner = receiver.recv_timeout(PATIENCE).expect("it prints where it listens");
        assert!(banner.contains("Ctrl-C"), "it did not start: {banner}");
        Self { process, banner }
    }

    /// The line of the banner that begins so.
    pub(crate) fn line(&self, beginning: &str) -> &str {
        let line = self.banner.lines().map(str::trim).find(|line| line.starts_with(beginning));
        line.unwrap_or_else(|| panic!("no `{beginning}` in {}", self.banner))
    }

    /// The URL of the line that begins so, such as `collect`.
    pub(crate) fn url(&self, service: &str) -> &str {
        let line = self.line(service).split_whitespace().nth(1);
        line.unwrap_or_else(|| panic!("no URL of {service} in {}", self.banner))
    }

    /// Host and port of that URL.
    pub(crate) fn address(&self, service: &str) -> &str {
        self.line(service).split("http://").nth(1).unwrap().split('/').next().unwrap()
    }

    /// The URL of a page of the admin port, such as `metrics`.
    pub(crate) fn admin(&self, page: &str) -> String {
        self.url("admin").replace("/ready", &format!("/{page}"))
    }
}
