//! The three services on one Kafka broker, as somebody would run them: each a process, each with its own flags.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bus::SharedBus;
use bus::kafka::{KafkaBus, Options};
use events::{Topic, WindowSettings};
use kafka_broker::Broker;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::binary::tributary;
use super::process::PATIENCE;
use super::service::Service;
use super::{lake, reference};

/// How long the group waits for a member that says nothing. The shorter, the sooner a test is over.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(3);

/// How long controllers wait for a broker that says nothing.
pub(crate) const BROKER_SESSION: Duration = Duration::from_secs(4);

/// How long a broker that stands alone can be frozen without its own controller giving it up: see [`options`]. Soaks freeze it for
/// longer, too: Kafka 4.2 comes back from that.
pub(crate) const BROKER_FREEZE: Duration = Duration::from_millis(2500);

/// A broker that lets groups notice soon that a member is away, and transactions that their owner is.
///
/// One that is frozen must not be given up by its own controller, which is frozen with it; and one that was killed must be
/// back before the transactions that were open time out. While no partition has a leader, Kafka 4.3 and 4.4 lose the
/// marker that ends a transaction, in `__consumer_offsets` too; whoever asks for the group's positions then waits until an operator
/// aborts it (`docs/kafka.md`, "Which Kafka").
pub(crate) fn options() -> kafka_broker::Options {
    kafka_broker::Options::new()
        .property("broker.session.timeout.ms", BROKER_SESSION.as_millis())
        .property("group.min.session.timeout.ms", 1000)
        .property("transaction.abort.timed.out.transaction.cleanup.interval.ms", 500)
}

/// One such broker for all tests of a test program that leave it alone: nobody gives it up, however busy the machine is.
pub(crate) fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| Broker::start(options().property("broker.session.timeout.ms", 60_000)))
}

/// One log, one lake, and the services between them.
pub(crate) struct Pipeline {
    folder: TempDir,
    bootstrap: String,
    replication: String,
    prefix: String,
    windows: Vec<&'static str>,
    pub(crate) settings: WindowSettings,
}

impl Pipeline {
    /// Nothing runs yet. The windows are the sessionizer's flags, and what they mean.
    pub(crate) fn new(brokers: &[Broker], prefix: &str, windows: &[&'static str], settings: WindowSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let properties = format!("session.timeout.ms={}\nheartbeat.interval.ms=500\n", SESSION_TIMEOUT.as_millis());
        std::fs::write(folder.path().join("kafka.properties"), properties).unwrap();
        let bootstrap = brokers.iter().map(Broker::bootstrap).collect::<Vec<_>>().join(",");
        let (replication, prefix) = (brokers.len().to_string(), prefix.to_owned());
        Self { folder, bootstrap, replication, prefix, windows: windows.to_vec(), settings }
    }

    /// A topic's name on the broker.
    pub(crate) fn topic(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// What the names of its topics begin with.
    pub(crate) fn topic_prefix(&self) -> &str {
        &self.prefix
    }

    /// A group's name on the broker.
    pub(crate) fn group(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    fn bus_flags(&self) -> Vec<OsString> {
        let url = format!("kafka://{}", self.bootstrap);
        let properties = self.folder.path().join("kafka.properties");
        let flags = ["--replication-factor", &self.replication, "--topic-prefix", &self.prefix, "--bus", &url];
        let flags = [&flags[..], &["--kafka-config"]].concat().into_iter().map(OsString::from);
        flags.chain([properties.into()]).collect()
    }

    fn service(&self, kind: &str, name: &str, flags: &[&str]) -> Service {
        let mut command: Vec<OsString> = vec![kind.into()];
        command.extend(self.bus_flags());
        command.extend(flags.iter().map(OsString::from));
        Service::new(self.folder.path(), name, command)
    }

    /// A collector on a port that it keeps.
    pub(crate) fn collector(&self, name: &str) -> (Service, String) {
        let address = format!("127.0.0.1:{}", kafka_broker::free_port());
        let mut service = self.service("collector", name, &["--listen", &address]);
        // What a failure leaves should tell what the client library saw.
        service.set_environment([("RUST_LOG".to_owned(), "info,librdkafka=trace".to_owned())]);
        (service, format!("http://{address}/collect"))
    }

    pub(crate) fn sessionizer(&self, name: &str) -> Service {
        self.service("sessionizer", name, &self.windows)
    }

    pub(crate) fn lake_writer(&self, name: &str) -> Service {
        self.lake_writer_into(name, self.lake().to_str().unwrap(), Vec::new())
    }

    /// A lake-writer into another lake than the pipeline's own, with the variables that lead there.
    pub(crate) fn lake_writer_into(&self, name: &str, lake: &str, variables: Vec<(String, String)>) -> Service {
        let mut service = self.service("lake-writer", name, &["--flush-interval", "300ms", "--lake", lake]);
        service.set_environment(variables);
        service
    }

    /// The log, through a handle of the test's own. Nothing is created.
    pub(crate) fn log(&self) -> SharedBus {
        let brokers = self.bootstrap.split(',').map(str::to_owned).collect();
        let options = Options { create_topics: false, ..Options::at(brokers, self.prefix.as_str()) };
        Arc::new(KafkaBus::open(options).unwrap())
    }

    /// `tributary verify` of this log and lake.
    pub(crate) fn verify(&self) -> Output {
        let mut command = tributary(["verify", "--json", "--lake"]);
        command.arg(self.lake()).args(self.bus_flags()).output().unwrap()
    }

    /// Verifies, and fails with what was said.
    pub(crate) fn must_be_sound(&self) {
        let Output { status, stdout, stderr } = self.verify();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{status}: {stdout}{stderr}");
    }

    /// Lets the logs, the lake and the records of all topics survive: a fault that is found once may not come again.
    pub(crate) fn keep(&mut self, bus: &SharedBus) {
        self.folder.disable_cleanup(true);
        self.write_records(bus);
        eprintln!("logs, lake and records are in {}", self.folder.path().display());
    }

    fn write_records(&self, bus: &SharedBus) {
        for (topic, partition) in
            Topic::ALL.into_iter().flat_map(|topic| (0..bus.partitions()).map(move |n| (topic, n)))
        {
            let records = reference::records(bus, topic, partition).into_iter();
            let lines: String = records.map(|record| format!("{record:?}\n")).collect();
            std::fs::write(self.folder.path().join(format!("{topic}.{partition}.records")), lines).unwrap();
        }
    }

    /// Waits until the lake has a row for each record that its topics hold now, and not one more.
    pub(crate) fn wait_for_the_lake(&self, bus: &SharedBus) {
        for (table, topic) in [("hits", Topic::HitsEnriched), ("sessions", Topic::Sessions), ("late", Topic::Late)] {
            let expected = count(bus, topic);
            let rows = || lake::rows(&self.lake(), table).len();
            let started = Instant::now();
            while rows() < expected && started.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(100));
            }
            if rows() != expected {
                // Which of them are not there can be said only with the records beside the lake.
                self.write_records(bus);
            }
            assert_eq!(rows(), expected, "rows of {table} after {PATIENCE:?}");
        }
    }
}

impl Drop for Pipeline {
    /// What a test leaves that failed may tell why.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("logs and lake are in {}", self.folder.path().display());
        }
    }
}

/// Posts hits, and wants all of them to be taken.
pub(crate) fn post(url: &str, hits: &[Value]) {
    let body = Value::Array(hits.to_vec()).to_string();
    let mut answer = ureq::post(url).header("content-type", "application/json").send(body).unwrap();
    let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(answer["accepted"], hits.len(), "{answer}");
}

/// The n-th hit of a visitor, who was there just now.
pub(crate) fn hit(n: u64, visitor: u64) -> Value {
    json!({
        "hit_id": format!("00000000-0000-4000-8000-{n:012x}"),
        "site": "shop.example",
        "visitor_id": format!("v{visitor}"),
        "url": format!("https://shop.example/p/{n}"),
    })
}

/// Records of a topic that are committed by now.
pub(crate) fn count(bus: &SharedBus, topic: Topic) -> usize {
    (0..bus.partitions()).map(|partition| reference::records(bus, topic, partition).len()).sum()
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_at_most(PATIENCE, what, &mut is_so);
}

/// Waits until something is so, for no longer than that.
pub(crate) fn wait_at_most(patience: Duration, what: &str, is_so: &mut dyn FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < patience, "it did not come to {what} within {patience:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
