//! The real binary as a process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; only a hang runs into it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary that `TRIBUTARY_BINARY` names; else it is built now if it is not up to date: cargo does not build another
/// package's binaries for a test.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(binary) = std::env::var_os("TRIBUTARY_BINARY") {
            return binary.into();
        }
        let build =
            Command::new(env!("CARGO")).args(["build", "--release", "--quiet", "--package", "tributary"]).status();
        assert!(build.unwrap().success(), "the binary does not build");
        let deps = std::env::current_exe().unwrap();
        deps.parent().and_then(Path::parent).unwrap().join("tributary")
    })
}

/// A command of the binary with nothing of the environment that could change what it does.
pub(crate) fn tributary<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    clean(&mut command);
    command.args(args).stdin(Stdio::null());
    command
}

fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TRIBUTARY_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
}

/// A running `tributary up`.
pub(crate) struct Up {
    child: Child,
    pub(crate) banner: String,
}

impl Up {
    /// Starts it on free ports and waits until it listens.
    pub(crate) fn start(data: &Path, flags: &[&str]) -> Self {
        Self::start_under(&[], data, flags)
    }

    /// Starts it below another program, such as strace with its flags.
    pub(crate) fn start_under(program: &[&str], data: &Path, flags: &[&str]) -> Self {
        let mut command = match program {
            [] => Command::new(binary()),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(binary());
                command
            }
        };
        clean(&mut command);
        let mut child = command
            .args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log(data)))
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut banner = String::new();
            while !banner.contains("Ctrl-C") && out.read_line(&mut banner).is_ok_and(|read| read > 0) {}
            let _ = sender.send(banner);
        });
        let banner = receiver.recv_timeout(PATIENCE).unwrap();
        assert!(banner.contains("Ctrl-C"), "it did not start: {banner}{}", log_text(data));
        Self { child, banner }
    }

    /// The URL of the line that begins so, such as `collect`.
    pub(crate) fn url(&self, service: &str) -> &str {
        let line = self.banner.lines().map(str::trim).find(|line| line.starts_with(service));
        line.and_then(|line| line.split_whitespace().nth(1))
            .unwrap_or_else(|| panic!("no {service} in {}", self.banner))
    }

    /// The URL of a page of the admin port, such as `metrics`.
    pub(crate) fn admin(&self, page: &str) -> String {
        self.url("admin").replace("/ready", &format!("/{page}"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for an end in good order.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(data: &Path) -> std::fs::File {
    std::fs::create_dir_all(data).unwrap();
    std::fs::File::options().create(true).append(true).open(data.join("stderr.log")).unwrap()
}

/// What all runs on this data said.
pub(crate) fn log_text(data: &Path) -> String {
    std::fs::read_to_string(data.join("stderr.log")).unwrap_or_default()
}

/// `tributary verify` of the data's log and lake.
pub(crate) fn verify(data: &Path) -> Output {
    tributary([OsStr::new("verify"), "--json".as_ref(), "--data".as_ref(), data.as_os_str()]).output().unwrap()
}
