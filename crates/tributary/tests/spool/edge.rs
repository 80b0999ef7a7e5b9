//! Collectors with spools before a broker, and what stands behind it.

use std::fs::File;
use std::path::{Path, PathBuf};

use kafka_broker::Broker;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::process::Process;
use crate::support::tributary;
use crate::wait_until;

/// A broker's address, and a folder for the traces of all that works before and behind it.
pub(crate) struct Site {
    folder: TempDir,
    bootstrap: String,
}

impl Site {
    pub(crate) fn before(broker: &Broker) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), bootstrap: broker.bootstrap() }
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// A sessionizer with flags of its own and a lake-writer, both as quick as they can be.
    pub(crate) fn behind(&self, windows: &[&str]) -> [Process; 2] {
        let lake = self.lake().display().to_string();
        let sessionizer = [&["sessionizer"], windows].concat();
        let lake_writer = ["lake-writer", "--flush-interval", "1s", "--lake", &lake];
        [self.service(&sessionizer), self.service(&lake_writer)]
    }

    fn service(&self, args: &[&str]) -> Process {
        let mut command = tributary();
        command.args(args).args(["--admin", "127.0.0.1:0", "--log-format", "json"]);
        command.args(["--bus", &format!("kafka://{}", self.bootstrap)]);
        Process::spawn(command.stderr(appending(&self.folder.path().join("log"))))
    }
}

/// A collector with a spool of its own.
pub(crate) struct Edge {
    bootstrap: String,
    folder: PathBuf,
    listen: String,
    pub(crate) collector: Process,
}

impl Edge {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(site: &Site, name: &str) -> Self {
        // Nobody else takes it while the collector is dead.
        let (listen, folder) = (format!("127.0.0.1:{}", kafka_broker::free_port()), site.folder.path().join(name));
        std::fs::create_dir(&folder).unwrap();
        let collector = collector(&site.bootstrap, &listen, &folder);
        Self { bootstrap: site.bootstrap.clone(), folder, listen, collector }
    }

    /// The same, after its end.
    pub(crate) fn start_again(&mut self) {
        self.collector = collector(&self.bootstrap, &self.listen, &self.folder);
    }

    /// A load on it, which writes down what was acknowledged. Each visitor has a hit every ten seconds or so, and is still there
    /// when an outage is over.
    pub(crate) fn load(&self, rate: u32, seconds: u64) -> Process {
        let mut command = tributary();
        command.args(["load", "--json", "--rate", &rate.to_string(), "--connections", "32"]);
        command.args(["--visitors", &(10 * rate).to_string(), "--duration", &format!("{seconds}s")]);
        command.args(["--url", &format!("http://{}/collect", self.listen), "--acknowledged"]);
        command.arg(self.folder.join("acknowledged"));
        Process::spawn(command.stdout(File::create(self.folder.join("report")).unwrap()))
    }

    /// The ids that the last load's answers named.
    pub(crate) fn acknowledged(&self) -> Vec<String> {
        let ids = std::fs::read_to_string(self.folder.join("acknowledged")).unwrap();
        ids.lines().map(str::to_owned).collect()
    }

    /// What the last load says of itself.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.join("report")).unwrap()).unwrap()
    }

    /// How many files the spool has.
    pub(crate) fn segments(&self) -> usize {
        let files = std::fs::read_dir(self.folder.join("spool")).unwrap().flatten();
        files.filter(|file| file.file_name().to_string_lossy().ends_with(".spool")).count()
    }

    pub(crate) fn text_of_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }
}

fn collector(bootstrap: &str, listen: &str, folder: &Path) -> Process {
    let mut command = tributary();
    command.args(["collector", "--admin", "127.0.0.1:0", "--log-format", "json", "--listen", listen]);
    command.args(["--bus", &format!("kafka://{bootstrap}"), "--spool"]).arg(folder.join("spool"));
    let collector = Process::spawn(command.stderr(appending(&folder.join("log"))));
    wait_until("a collector that listens", || std::net::TcpStream::connect(listen).is_ok());
    collector
}

fn appending(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}
