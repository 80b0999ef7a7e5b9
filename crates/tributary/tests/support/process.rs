//! A process that a test has started: it can be signalled, is waited for with patience, and goes with its owner.
//! The tests of `crates/e2e` use this file too.

#![allow(dead_code, reason = "each test program uses its part")]

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; only a hang runs into it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Takes what could change what the binary does out of a command's environment.
pub(crate) fn without_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TRIBUTARY_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// A command line, as somebody types it.
pub(crate) fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    without_settings(command.args(["-ec", line]));
    command
}

pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display())))
    }

    /// What it prints and takes, where its command asked for pipes.
    pub(crate) fn pipes(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// A signal by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(killed.success(), "no process takes the signal");
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// Waits until it has ended by itself; `None` when patience ends.
    pub(crate) fn wait(&mut self) -> Option<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait().expect("it ends")
    }

    /// SIGKILL: nothing is finished, nothing is flushed. It is gone when this returns.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
