//! The real collector as a process of its own, and what the kernel and its admin port say about it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::Value;

use crate::support::binary::tributary;
use crate::support::process::{PATIENCE, Process};

pub(crate) struct Collector {
    pub(crate) process: Process,
    /// Where hits go, such as `127.0.0.1:40001`.
    pub(crate) public: String,
    admin: String,
}

impl Collector {
    /// Starts it on free ports with a bus of its own, and waits until it listens.
    pub(crate) fn start(data: &Path, flags: &[&str]) -> Self {
        let ports = ["collector", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
        let mut command = tributary(ports);
        command.arg("--data").arg(data).args(flags).stderr(Stdio::piped());
        let mut process = Process::spawn(&mut command);
        let lines = BufReader::new(process.pipes().stderr.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Read to its end, so that it never waits for its own log.
                let _ = sender.send(line);
            }
        });
        let find = |name: &str| {
            let mut seen = String::new();
            loop {
                let line = receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {name} in {seen}"));
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = event[name].as_str() {
                    return address.to_owned();
                }
                seen.push_str(&line);
            }
        };
        let (public, admin) = (find("listen"), find("admin"));
        Self { process, public, admin }
    }

    /// What the admin port answers.
    pub(crate) fn get(&self, page: &str) -> (u16, String) {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let agent: ureq::Agent = config.build().into();
        let mut answer = agent.get(&format!("http://{}/{page}", self.admin)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// A metric without labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, page) = self.get("metrics");
        page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or_default()
    }

    /// A line of `/proc/PID/status`, such as `VmRSS`, in bytes.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Lets `VmHWM`, the peak, begin anew at what is used now.
    pub(crate) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.process.pid()), "5").unwrap();
    }
}
