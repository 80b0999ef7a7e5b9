//! A lake in a store, and the binary with the variables that lead there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use object_servers::{Kind, Proxy, fresh_name, shared};
use serde_json::Value;

use crate::support::binary::tributary;
use crate::support::duckdb::python;
use crate::support::real_file::real_file;

/// The access log: the real one where it is at hand, else the sample; its hits and sessions.
pub(crate) fn log() -> (PathBuf, u64, u64) {
    let sample = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tributary/tests/data/access_sample.log");
    match real_file("apache_access.log.gz") {
        Some(real) => (real, 9_999, 3_223),
        None => (sample(), 300, 100),
    }
}

pub(crate) struct Place {
    pub(crate) lake: String,
    variables: Vec<(String, String)>,
    /// For what is neither log nor lake.
    pub(crate) data: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(lake: String, variables: Vec<(String, String)>) -> Self {
        Self { lake, variables, data: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn folder() -> Self {
        let place = Self::new(String::new(), Vec::new());
        Self { lake: place.data.path().join("lake").display().to_string(), ..place }
    }

    /// A bucket of its own on a server.
    pub(crate) fn of(kind: Kind) -> Self {
        let (server, bucket) = (shared(kind), fresh_name("lake"));
        server.make_bucket(&bucket);
        Self::new(server.lake(&bucket, "a/lake"), server.variables())
    }

    /// A bucket of its own behind a proxy that speaks as Google does.
    pub(crate) fn google(proxy: &Proxy) -> Self {
        let bucket = fresh_name("google");
        shared(Kind::Versitygw).make_bucket(&bucket);
        Self::new(format!("gs://{bucket}/lake"), proxy.google_variables())
    }

    /// The binary with this lake, and with no other variables of the clouds.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = tributary(args);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["AWS_", "GOOGLE_", "AZURE_", "STORAGE_"].iter().any(|cloud| name.starts_with(cloud)) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().cloned()).args(["--lake", &self.lake]);
        command.arg("--data").arg(self.data.path());
        command
    }

    /// `up` on free ports.
    pub(crate) fn up(&self) -> Command {
        self.command(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
    }

    pub(crate) fn replay(&self, file: &Path) -> Value {
        self.try_replay(file).unwrap_or_else(|said| panic!("{}: {said}", self.lake))
    }

    /// The figures, or what it said when it failed.
    pub(crate) fn try_replay(&self, file: &Path) -> Result<Value, String> {
        let mut command = self.command(["replay", "--format", "combined", "--json"]);
        let output = command.arg(file).output().unwrap();
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// What `verify --deep` finds, which must be sound.
    pub(crate) fn verify(&self) -> Value {
        let output = self.command(["verify", "--json", "--deep"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}{}", self.lake, String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What pyarrow and DuckDB count in a bucket of S3's, by pyarrow's own client.
    pub(crate) fn read_by_strangers(&self) -> Value {
        let output = Command::new(python())
            .args(["-c", include_str!("strangers.py"), self.lake.strip_prefix("s3://").unwrap()])
            .envs(self.variables.iter().cloned())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// What a command says that fails at its start.
pub(crate) fn says(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}
