//! A disk that runs full: a file system of a few mebibytes, with some ballast on it that can be thrown overboard.
//!
//! Mounting takes root. Whoever is not gets the next best thing: a limit on the size of every file that the process
//! writes. A write over it fails as on a full disk, but small files go on being written.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::binary::{up, up_under};
use crate::support::up::Up;

pub(crate) struct SmallDisk {
    folder: TempDir,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A tmpfs of its own: nothing whatever can be written once it is full.
    Mounted,
    /// `RLIMIT_FSIZE`: no single file grows over it.
    Limited,
}

const MIB: u64 = 1 << 20;
/// What the process may fill before the ballast goes.
const ROOM: u64 = 32 * MIB;
/// What one file may hold where there is only a limit.
const FILE: u64 = 8 * MIB;
const BALLAST: u64 = 64 * MIB;

/// Ignores the signal that else would kill who writes over the limit, then becomes the program.
const LIMITED: &str = r#"trap "" XFSZ; exec prlimit --fsize="$0": "$@""#;

impl SmallDisk {
    /// A disk with little room. `TOOLS_NO_MOUNT` asks for the next best thing.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={}", ROOM + BALLAST);
        let mount = || {
            let args = ["-t", "tmpfs", "-o", &options, "tmpfs"];
            let status = Command::new("mount").args(args).arg(folder.path()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        let kind = if std::env::var_os("TOOLS_NO_MOUNT").is_none() && mount() { Kind::Mounted } else { Kind::Limited };
        let disk = Self { folder, kind };
        match kind {
            Kind::Mounted => std::fs::write(disk.ballast(), vec![0; BALLAST as usize]).unwrap(),
            Kind::Limited => {
                let prlimit = Command::new("prlimit").arg("--version").stdout(Stdio::null()).status();
                let can_limit = prlimit.is_ok_and(|status| status.success());
                assert!(can_limit, "a disk that runs full needs root, to mount a tmpfs, or prlimit (util-linux)");
            }
        }
        disk
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The folder of the data, on the disk.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the binary with all its data on the disk.
    pub(crate) fn start(&self, flags: &[&str]) -> Up {
        match self.kind {
            Kind::Mounted => up(&self.data(), flags),
            Kind::Limited => up_under(&["sh", "-c", LIMITED, &FILE.to_string()], &self.data(), flags),
        }
    }

    /// Takes what little is left, as another process might, so that not even a small file can be written.
    pub(crate) fn fill(&self) {
        if self.kind == Kind::Mounted {
            let mut filler = File::options().append(true).open(self.ballast()).unwrap();
            while filler.write_all(&[0; 4096]).is_ok() {}
        }
    }

    /// Makes room, as somebody would who was woken by an alarm.
    pub(crate) fn make_room(&self, up: &Up) {
        match self.kind {
            Kind::Mounted => std::fs::remove_file(self.ballast()).unwrap(),
            Kind::Limited => {
                let pid = up.process.pid().to_string();
                let raised = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status();
                assert!(raised.unwrap().success());
            }
        }
    }

    /// Makes room while nothing runs, and starts the binary again.
    pub(crate) fn start_with_room(&self, flags: &[&str]) -> Up {
        if self.kind == Kind::Mounted {
            std::fs::remove_file(self.ballast()).unwrap();
        }
        up(&self.data(), flags)
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.kind == Kind::Mounted {
            unmount(self.folder.path());
        }
    }
}

/// Also where somebody still has a file open: whoever it is keeps it, and nobody else sees it any more.
fn unmount(folder: &Path) {
    let _ = Command::new("umount").arg("--lazy").arg(folder).status();
}
