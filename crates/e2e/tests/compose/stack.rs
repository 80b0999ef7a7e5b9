//! The services of the file, each as a process of this machine.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use kafka_broker::{Broker, Options, free_port, program};

use crate::file::{Service, read};
use crate::support::process::{PATIENCE, Process};

pub(crate) const OURS: [&str; 3] = ["collector", "sessionizer", "lake-writer"];

/// The folder with every binary of the image, built now if they are not up to date.
pub(crate) fn binaries() -> &'static Path {
    static BINARIES: OnceLock<PathBuf> = OnceLock::new();
    BINARIES.get_or_init(|| {
        // With a test beside them, so that the features are those of `cargo test --workspace`, and nothing is built twice.
        let what = ["build", "--release", "--quiet", "--workspace", "--bins", "--test", "layout"];
        assert!(Command::new(env!("CARGO")).args(what).status().unwrap().success(), "the binaries do not build");
        let test = std::env::current_exe().unwrap();
        test.parent().and_then(Path::parent).unwrap().to_owned()
    })
}

/// Where the parts of the stack are on this machine.
pub(crate) struct Places {
    folder: tempfile::TempDir,
    pub(crate) internal: u16,
    pub(crate) external: u16,
    controller: u16,
    pub(crate) public: u16,
    pub(crate) store: u16,
}

impl Places {
    pub(crate) fn find() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Self {
            folder,
            internal: free_port(),
            external: free_port(),
            controller: free_port(),
            public: free_port(),
            store: free_port(),
        };
        for name in ["bin", "kafka", "store"] {
            fs::create_dir(places.path(name)).unwrap();
        }
        places.executable("ready", &read("deploy/ready.sh"));
        let tool = program("org.apache.kafka.tools.BrokerApiVersionsCommand");
        let words = std::iter::once(tool.get_program()).chain(tool.get_args());
        let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        std::os::unix::fs::symlink(object_servers::versitygw(), places.path("bin/versitygw")).unwrap();
        places.executable("kafka-broker-api-versions.sh", &format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")));
        places
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn executable(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// All that differs between a network of containers and this machine: what the file says, and what stands for it here.
    /// Nothing else of any command or variable is changed.
    fn substitutions(&self, admin: u16) -> Vec<(&'static str, String)> {
        let path = |name| self.path(name).display().to_string();
        vec![
            // A container has an address of its own; here everything keeps to the loopback, and so to different ports.
            ("://:", "://127.0.0.1:".to_owned()),
            ("//kafka:", "//127.0.0.1:".to_owned()),
            ("//store:", "//127.0.0.1:".to_owned()),
            ("--port :", "--port 127.0.0.1:".to_owned()),
            (":7070", format!(":{}", self.store)),
            (":9092", format!(":{}", self.internal)),
            (":9093", format!(":{}", self.controller)),
            (":9094", format!(":{}", self.external)),
            ("0.0.0.0:8080", format!("127.0.0.1:{}", self.public)),
            ("127.0.0.1:9090", format!("127.0.0.1:{admin}")),
            // What is a volume there is a folder here, and Kafka's scripts are its jars'.
            ("/var/lib/kafka/data", path("kafka")),
            ("/var/lib/store", path("store")),
            ("/opt/kafka/bin", path("bin")),
        ]
    }

    /// The service as it runs here, and which lines of the table it used.
    pub(crate) fn native(&self, mut service: Service) -> (Service, Vec<&'static str>) {
        let mut used = Vec::new();
        for (written, native) in self.substitutions(free_port()) {
            if service.replace(written, &native) {
                used.push(written);
            }
        }
        (service, used)
    }

    /// Every line of the table.
    pub(crate) fn table(&self) -> Vec<&'static str> {
        self.substitutions(0).into_iter().map(|(written, _)| written).collect()
    }

    /// Runs the service's health check in its environment; whether it succeeds.
    pub(crate) fn is_healthy(&self, service: &Service) -> bool {
        let mut command = match service.health_check[0].as_str() {
            "CMD" => {
                let mut command = Command::new(self.path("bin").join(&service.health_check[1]));
                command.args(&service.health_check[2..]);
                command
            }
            "CMD-SHELL" => {
                let mut command = Command::new("sh");
                command.arg("-c").args(&service.health_check[1..]);
                command
            }
            other => panic!("`{other}` begins no health check"),
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(&service.environment);
        command.stderr(Stdio::null()).status().unwrap().success()
    }

    pub(crate) fn await_healthy(&self, name: &str, service: &Service) {
        let began = Instant::now();
        while !self.is_healthy(service) {
            let said = fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "{name} is not healthy: {said}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// The broker that the image would start with this environment. The image's own program makes its settings.
    pub(crate) fn broker(&self, service: &Service) -> Broker {
        let [defaults, mounted, made] = ["defaults", "mounted", "made"].map(|name| self.path(name));
        for folder in [&defaults, &mounted, &made] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(made.join("server.properties"), "").unwrap();
        let mut setup = program("kafka.docker.KafkaDockerWrapper");
        setup.arg("setup").arg("--default-configs-dir").arg(&defaults).arg("--mounted-configs-dir").arg(&mounted);
        setup.arg("--final-configs-dir").arg(&made);
        setup.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(&service.environment);
        let output = setup.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // It has laid out the storage too, and the broker of the tests does so again.
        fs::remove_dir_all(self.path("kafka")).unwrap();

        let properties = fs::read_to_string(made.join("server.properties")).unwrap();
        let properties = properties.lines().filter_map(|line| line.split_once('='));
        let heap =
            service.environment["KAFKA_HEAP_OPTS"].split_whitespace().find_map(|option| option.strip_prefix("-Xmx"));
        let heap_mb = heap.and_then(|heap| heap.strip_suffix('m')).unwrap().parse().unwrap();
        Broker::start(Options::new().heap_mb(heap_mb).only(properties.map(|(key, value)| (key.into(), value.into()))))
    }

    /// Starts the object store: its entrypoint is a shell, and its program lies where the tests' own does.
    pub(crate) fn start_store(&self, service: &Service) -> Process {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(&service.entrypoint[0]);
        command.args(&service.entrypoint[1..]).args(&service.command).env_clear().envs(&service.environment);
        command.env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null());
        Process::spawn(command.stderr(File::create(self.path("store.log")).unwrap()))
    }

    /// Starts one of ours: its command, its environment, and nothing else.
    pub(crate) fn start(&self, name: &str, service: &Service) -> Running {
        let home = self.path(name);
        fs::create_dir(&home).unwrap();
        let mut command = Command::new(binaries().join(&service.command[0]));
        command.args(&service.command[1..]).env_clear().envs(&service.environment).current_dir(&home);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(self.path(&format!("{name}.log"))).unwrap());
        Running { process: Process::spawn(&mut command), home }
    }
}

/// A running service.
pub(crate) struct Running {
    pub(crate) process: Process,
    /// Its working folder, which a container cannot write to.
    pub(crate) home: PathBuf,
}
