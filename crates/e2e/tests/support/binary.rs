//! The real binary, and `tributary up` on a folder of data.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::process::{Process, without_settings};
use super::up::Up;

/// The binary that `TOOLS_BINARY` names; else it is built now if it is not up to date: cargo does not build another
/// package's binaries for a test. With a test beside it, so that the features are those of `cargo test --workspace`, and
/// nothing is built twice.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(binary) = std::env::var_os("TOOLS_BINARY") {
            return binary.into();
        }
        let what = ["build", "--release", "--quiet", "--workspace", "--bin", "tributary", "--test", "layout"];
        assert!(Command::new(env!("CARGO")).args(what).status().unwrap().success(), "the binary does not build");
        let deps = std::env::current_exe().unwrap();
        deps.parent().and_then(Path::parent).unwrap().join("tributary")
    })
}

/// A command of the binary with nothing of the environment that could change what it does.
pub(crate) fn tributary<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    without_settings(&mut command).args(args).stdin(Stdio::null());
    command
}

/// Starts `up` on free ports, and waits until it listens. Its log stands beside the data.
pub(crate) fn up(data: &Path, flags: &[&str]) -> Up {
    up_under(&[], data, flags)
}

/// Starts it, and kills it after so long, whether it listens by then or not.
pub(crate) fn up_for(lives: Duration, data: &Path, flags: &[&str]) {
    let mut command = command_of_up(&[], data, flags);
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::null());
    let mut process = Process::spawn(&mut command);
    std::thread::sleep(lives);
    process.kill();
}

/// Starts it below another program, such as strace with its flags.
pub(crate) fn up_under(program: &[&str], data: &Path, flags: &[&str]) -> Up {
    Up::start(&mut command_of_up(program, data, flags))
}

fn command_of_up(program: &[&str], data: &Path, flags: &[&str]) -> Command {
    let words: Vec<_> = program.iter().map(OsStr::new).chain([binary().as_os_str(), "up".as_ref()]).collect();
    std::fs::create_dir_all(data).unwrap();
    let log = std::fs::File::options().create(true).append(true).open(data.join("stderr.log")).unwrap();
    let mut command = Command::new(words[0]);
    without_settings(&mut command).args(&words[1..]).args(flags).arg("--data").arg(data).stderr(Stdio::from(log));
    command
}

/// What all runs on this data said.
pub(crate) fn log_text(data: &Path) -> String {
    std::fs::read_to_string(data.join("stderr.log")).unwrap_or_default()
}

/// `tributary verify` of the data's log and lake.
pub(crate) fn verify(data: &Path) -> Output {
    tributary([OsStr::new("verify"), "--json".as_ref(), "--data".as_ref(), data.as_os_str()]).output().unwrap()
}
