//! A lake of its own on the server, with proxies in front of it, and the processes that write and judge it.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use object_servers::{Kind, ObjectServer, Plan, Proxy};
use tempfile::TempDir;

use crate::log::{Log, PARTITIONS};
use crate::support::binary::tributary;
use crate::support::process::Process;
use crate::support::watcher::{Watcher, client};

const BUCKET: &str = "lakes";

/// How much of the log a failure shows; all of it is kept.
const LINES: usize = 12;

/// The server, and where its lakes come from.
pub(crate) struct Ground {
    pub(crate) server: ObjectServer,
    /// Whether a lake is a folder there, which can be copied and made old.
    pub(crate) has_folders: bool,
}

/// One lake.
pub(crate) struct Lake<'a> {
    ground: &'a Ground,
    log: &'a Log,
    pub(crate) name: String,
    /// The way to the store of a first process, and of a second one.
    pub(crate) proxies: [Proxy; 2],
    folder: TempDir,
    lives: usize,
}

impl Ground {
    /// On versitygw every lake begins as a copy of one that holds enough batches to be folded, two hours old.
    pub(crate) fn new(kind: Kind, log: &Log) -> Self {
        let server = ObjectServer::start(kind);
        server.make_bucket(BUCKET);
        let ground = Self { server, has_folders: kind == Kind::Versitygw };
        if ground.has_folders {
            let mut first = ground.lake("first", log);
            let mut process = first.start(0, 0, 1);
            let is_done = || ground.records_of_rejections("first") == crate::log::OLD_REJECTIONS;
            crate::life::wait_until("the first lake is written", is_done);
            assert!(process.stop().success(), "{}", first.log_text());
            let hours_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
            for file in crate::support::lake::files(&ground.server.data().join(BUCKET).join("first/_batches"), "json") {
                File::options().append(true).open(file).unwrap().set_modified(hours_ago).unwrap();
            }
        }
        ground
    }

    fn records_of_rejections(&self, lake: &str) -> usize {
        let chain = self.server.data().join(BUCKET).join(lake).join("_batches/rejected/log1/0");
        crate::support::lake::files(&chain, "json").len()
    }

    /// A lake of this name.
    pub(crate) fn lake<'a>(&'a self, name: &str, log: &'a Log) -> Lake<'a> {
        if self.has_folders && name != "first" {
            let data = self.server.data().join(BUCKET);
            let copied = Command::new("cp").arg("-a").args([data.join("first"), data.join(name)]).status().unwrap();
            assert!(copied.success());
        }
        let proxies = [Proxy::to(&self.server), Proxy::to(&self.server)];
        let folder = tempfile::tempdir().unwrap();
        Lake { ground: self, log, name: name.to_owned(), proxies, folder, lives: 0 }
    }
}

impl Lake<'_> {
    fn url(&self) -> String {
        self.ground.server.lake(BUCKET, &self.name)
    }

    /// Starts a lake-writer over the log as it is at that stage, behind the first proxy or the second one.
    pub(crate) fn start(&mut self, stage: usize, proxy: usize, target_size: u64) -> Process {
        self.lives += 1;
        let data = self.folder.path().join(self.lives.to_string());
        self.log.copy(stage, &data.join("bus"));
        let mut command = tributary(["lake-writer", "--flush-interval", "30ms", "--log-format", "json"]);
        command.args(["--admin", "127.0.0.1:0", "--partitions", &PARTITIONS.to_string(), "--lake", &self.url()]);
        command.args(["--target-file-size", &format!("{target_size}B")]).arg("--data").arg(&data);
        // Only what every lake begins with is so old; and no log is held for so long that it forgets.
        command.args(["--retention", "1h", "--longest-pause", "5m"]);
        self.set_login(&mut command, Some(proxy));
        let said = File::options().create(true).append(true).open(self.folder.path().join("stderr.log")).unwrap();
        Process::spawn(command.stderr(Stdio::from(said)))
    }

    fn set_login(&self, command: &mut Command, proxy: Option<usize>) {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        let server = &self.ground.server;
        let address = proxy.map_or(server.address(), |proxy| self.proxies[proxy].address());
        command.envs(server.variables_at(address));
    }

    /// All goes well again, what was held goes on, and nobody is struck.
    pub(crate) fn calm(&self) {
        for proxy in &self.proxies {
            proxy.plan(Plan::none());
            proxy.spare();
            proxy.release();
        }
    }

    /// What its processes said last.
    pub(crate) fn log_text(&self) -> String {
        let said = std::fs::read_to_string(self.folder.path().join("stderr.log")).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// `verify --deep` against the log at a stage: what it says where not all of it agrees.
    pub(crate) fn verify(&self, stage: usize) -> Result<(), String> {
        let mut command = tributary(["verify", "--json", "--deep", "--lake", &self.url()]);
        command.args(["--bus", &format!("embedded:{}", self.log.at(stage).display())]);
        self.set_login(&mut command, None);
        let output = command.output().unwrap();
        let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(()) } else { Err(said()) }
    }

    /// Whether batches of it were folded since it began.
    pub(crate) fn is_folded(&self) -> bool {
        let chains = self.ground.server.data().join(BUCKET).join(&self.name).join("_batches");
        let records = crate::support::lake::files(&chains, "json");
        records.iter().any(|path| path.to_string_lossy().ends_with(".folded.json"))
    }

    /// Keeps what its processes said.
    pub(crate) fn keep(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    /// Looks at it all the while, straight at the server.
    pub(crate) fn watch(&self) -> Watcher {
        Watcher::start(client(&self.ground.server.variables(), BUCKET), &self.name)
    }
}
