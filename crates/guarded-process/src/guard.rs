//! A process that outlives neither its owner nor its owner's process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Starts and signals one program through a small shell, which kills the program and removes its folder as soon as
/// its standard input ends. The kernel ends it when this process dies, of whatever cause; no destructor has to run.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
    // Both in a mutex so that a broker can be shared by threads.
    commands: Option<Mutex<ChildStdin>>,
    reports: Mutex<Receiver<Report>>,
    folder: PathBuf,
    pid: Option<u32>,
}

#[derive(Debug)]
enum Report {
    Started(u32),
    Exited,
}

impl Guard {
    /// The folder is the guard's from now on; the program's output goes to `log` in it. Nothing runs yet.
    ///
    /// # Panics
    /// Where there is no shell.
    pub fn new<A: AsRef<OsStr>>(folder: PathBuf, program: &[A], environment: &[(String, String)]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", include_str!("guard.sh"), "guard"]).arg(&folder).args(program);
        shell.envs(environment.iter().map(|(name, value)| (name, value)));
        // A group of its own: Ctrl-C at the terminal must not end the guard before it has cleaned up.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().expect("every Unix has sh");
        let commands = shell.stdin.take().expect("it was asked for");
        let output = BufReader::new(shell.stdout.take().expect("it was asked for"));
        let (sender, reports) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let report = match line.strip_prefix("pid ").map(str::parse) {
                    Some(Ok(pid)) => Report::Started(pid),
                    _ => Report::Exited,
                };
                if sender.send(report).is_err() {
                    return;
                }
            }
        });
        Self { shell, commands: Some(Mutex::new(commands)), reports: Mutex::new(reports), folder, pid: None }
    }

    /// Its folder, with the program's `log`. Removed with the guard.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The running program's process id.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Runs the program, once more if it has ended.
    ///
    /// # Panics
    /// When it runs already, or cannot be run.
    pub fn start(&mut self) {
        assert!(self.pid.is_none(), "it runs already");
        self.command("start");
        match self.reports.get_mut().expect("no thread panicked").recv_timeout(Duration::from_secs(30)) {
            Ok(Report::Started(pid)) => self.pid = Some(pid),
            other => panic!("the shell did not start the program: {other:?}"),
        }
    }

    /// Sends a signal, by its name without `SIG`. After `STOP` every thread stands still when this returns.
    ///
    /// # Panics
    /// When nothing runs.
    pub fn signal(&self, name: &str) {
        let pid = self.pid.expect("it runs");
        self.command(name);
        let begun = Instant::now();
        while name == "STOP" && !stands_still(pid) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the program's end; false when it still runs after the patience.
    pub fn wait(&mut self, patience: Duration) -> bool {
        if self.pid.is_some() && self.reports.get_mut().expect("no thread panicked").recv_timeout(patience).is_ok() {
            self.pid = None;
        }
        self.pid.is_none()
    }

    fn command(&self, line: &str) {
        let commands = self.commands.as_ref().expect("it stands until the guard is dropped");
        let mut commands = commands.lock().expect("no thread panicked");
        writeln!(commands, "{line}").expect("the shell reads until its input ends");
    }
}

/// Whether the kernel has stopped every thread of a process.
fn stands_still(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let is_stopped = |thread: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        // The name before it may hold anything.
        Some(stat.rsplit_once(')')?.1.trim_start().starts_with('T'))
    };
    threads.map(is_stopped).all(|is_stopped| is_stopped == Some(true))
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.shell.wait();
    }
}
