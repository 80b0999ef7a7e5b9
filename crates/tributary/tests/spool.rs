//! A Kafka that is stopped under load, for longer than any record waits for it: every hit is taken all the same, and each
//! one that was acknowledged is in the log, those of a visitor in their order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::kafka::{KafkaBus, Options};
use bus::{Bus, Source};
use events::{Control, Topic};
use kafka_broker::Broker;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use support::tributary;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine; only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than a record waits for the broker: what went to it is given up by then.
const OUTAGE: Duration = Duration::from_secs(12);

/// A broker, a collector before it, and where both leave their traces.
struct Edge {
    folder: TempDir,
    bootstrap: String,
    listen: String,
    collector: Option<Process>,
    /// What works behind it.
    behind: Vec<Process>,
}

/// A child that goes with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    fn wait(&mut self) -> Option<i32> {
        let mut code = None;
        wait_until("the end of a process", || {
            code = self.0.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().code()
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "it did not come to {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Edge {
    fn before(broker: &Broker) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (folder, bootstrap) = (tempfile::tempdir().unwrap(), broker.bootstrap());
        let mut edge =
            Self { folder, bootstrap, listen: format!("127.0.0.1:{port}"), collector: None, behind: Vec::new() };
        edge.start();
        edge
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = tributary();
        command.args(["collector", "--admin", "127.0.0.1:0", "--log-format", "json", "--listen", &self.listen]);
        command.args(["--bus", &format!("kafka://{}", self.bootstrap), "--spool"]).arg(self.path("spool"));
        self.collector = Some(Process(command.stderr(log).spawn().unwrap()));
        wait_until("a collector that listens", || std::net::TcpStream::connect(&self.listen).is_ok());
    }

    /// Starts a service behind the collector. Its flags are those that make it quick.
    fn start_behind(&mut self, service: &str, flags: &[&str]) {
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = tributary();
        command.args([service, "--admin", "127.0.0.1:0", "--log-format", "json"]).args(flags);
        command.args(["--bus", &format!("kafka://{}", self.bootstrap)]);
        self.behind.push(Process(command.stderr(log).spawn().unwrap()));
    }

    /// How often each hit is in the lake, in `hits` or in `late`.
    fn rows(&self) -> BTreeMap<String, usize> {
        let mut times = BTreeMap::new();
        let mut folders = vec![self.path("lake/hits"), self.path("lake/late")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|kind| kind == "parquet") {
                    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
                    for row in reader.get_row_iter(None).unwrap() {
                        let row = row.unwrap();
                        let id = row.get_column_iter().find(|(name, _)| *name == "hit_id").unwrap().1.to_string();
                        *times.entry(id.trim_matches('"').to_owned()).or_default() += 1;
                    }
                }
            }
        }
        times
    }

    /// The load, and where it writes what was acknowledged.
    fn load(&self, rate: u32, seconds: u32) -> (Process, PathBuf) {
        let acknowledged = self.path("acknowledged");
        let mut command = tributary();
        command.args(["load", "--json", "--rate", &rate.to_string(), "--connections", "32", "--visitors", "64"]);
        command.args(["--duration", &format!("{seconds}s"), "--url", &format!("http://{}/collect", self.listen)]);
        command.arg("--acknowledged").arg(&acknowledged).stdout(File::create(self.path("report")).unwrap());
        (Process(command.spawn().unwrap()), acknowledged)
    }

    fn report(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path("report")).unwrap()).unwrap()
    }

    fn segments(&self) -> usize {
        let files = std::fs::read_dir(self.path("spool")).unwrap().flatten();
        files.filter(|file| file.file_name().to_string_lossy().ends_with(".spool")).count()
    }

    fn text_of_log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }
}

/// What the log holds.
#[derive(Default)]
struct Log {
    /// How often each hit is there, by its id.
    times: BTreeMap<String, usize>,
    /// The page views of each visitor as they stand in the log, each where it stands first.
    visits: BTreeMap<String, Vec<u64>>,
    /// Partitions that were told of a spool being emptied.
    told: BTreeSet<u32>,
}

impl Log {
    fn read(bootstrap: &str) -> Self {
        let options = Options { create_topics: false, ..Options::at(vec![bootstrap.to_owned()], "clickstream.") };
        let bus: Arc<dyn Bus> = Arc::new(KafkaBus::open(options).unwrap());
        let mut log = Self::default();
        for partition in 0..bus.partitions() {
            let source = Source { topic: Topic::Hits, partition };
            let bounds = bus.bounds(source).unwrap();
            let mut reader = bus.read(source, bounds.start).unwrap();
            while reader.position() < bounds.end {
                for record in reader.next(Duration::from_secs(1)).unwrap() {
                    log.add(partition, &record.value.unwrap());
                }
            }
        }
        log
    }

    fn add(&mut self, partition: u32, value: &[u8]) {
        if Control::is_control(value) {
            assert_eq!(Control::from_json(value).unwrap(), Control::Draining);
            self.told.insert(partition);
            return;
        }
        let hit: Value = serde_json::from_slice(value).unwrap();
        let times = self.times.entry(hit["hit_id"].as_str().unwrap().to_owned()).or_default();
        *times += 1;
        if *times == 1 {
            let visitor = hit["visitor_id"].as_str().unwrap().to_owned();
            self.visits.entry(visitor).or_default().push(hit["props"]["view"].as_u64().unwrap());
        }
    }

    /// Every acknowledged hit is there, and nobody's second page comes before the first. The figures.
    fn must_hold(&self, acknowledged: &Path) -> String {
        let acknowledged = std::fs::read_to_string(acknowledged).unwrap();
        let missing: Vec<_> = acknowledged.lines().filter(|id| !self.times.contains_key(*id)).collect();
        let doubled = self.times.values().filter(|times| **times > 1).count();
        let count = acknowledged.lines().count();
        assert!(missing.is_empty(), "{} of {count} are missing: {:?}", missing.len(), missing.first());
        let unsorted: Vec<_> = self.visits.iter().filter(|(_, views)| !views.is_sorted()).collect();
        assert!(unsorted.is_empty(), "out of order: {unsorted:?}");
        format!("acknowledged {count}, missing 0, twice in the log {doubled}")
    }
}

#[test]
fn a_broker_that_is_stopped_under_load_costs_nobody_a_hit() {
    let mut broker = Broker::start(kafka_broker::Options::new());
    let mut edge = Edge::before(&broker);
    let (mut load, acknowledged) = edge.load(400, 24);
    std::thread::sleep(Duration::from_secs(3));
    broker.stop();
    wait_until("hits in the spool", || edge.segments() > 0);
    std::thread::sleep(OUTAGE);
    broker.restart();
    let code = load.wait();
    println!("{}", edge.report());
    assert_eq!(code, Some(0), "somebody was refused: {} {}", edge.report(), edge.text_of_log());
    wait_until("an empty spool", || edge.segments() == 0);
    assert!(edge.text_of_log().contains("the spool is empty"), "{}", edge.text_of_log());
    edge.collector.as_ref().unwrap().signal("TERM");
    assert_eq!(edge.collector.as_mut().unwrap().wait(), Some(0), "{}", edge.text_of_log());

    let log = Log::read(&broker.bootstrap());
    println!("{}", log.must_hold(&acknowledged));
    assert_eq!(log.told.len(), 4, "every partition was told that hits come late");
}

#[test]
fn a_collector_that_is_killed_or_stopped_while_the_broker_is_away_sends_on_what_it_kept() {
    let mut broker = Broker::start(kafka_broker::Options::new());
    let mut edge = Edge::before(&broker);
    for signal in ["KILL", "TERM"] {
        let (mut load, acknowledged) = edge.load(400, 5);
        std::thread::sleep(Duration::from_millis(1500));
        broker.stop();
        wait_until("hits in the spool", || edge.segments() > 0);
        std::thread::sleep(Duration::from_millis(500));
        edge.collector.as_ref().unwrap().signal(signal);
        let code = edge.collector.as_mut().unwrap().wait();
        assert_eq!(code, (signal == "TERM").then_some(0), "{}", edge.text_of_log());
        load.wait();
        assert!(edge.segments() > 0, "what it took is there");
        let first = std::fs::read_to_string(&acknowledged).unwrap();

        // Who comes back in the middle of it takes hits, too.
        edge.start();
        let (mut load, acknowledged) = edge.load(400, 2);
        assert_eq!(load.wait(), Some(0), "{} {}", edge.report(), edge.text_of_log());
        broker.restart();
        wait_until("an empty spool", || edge.segments() == 0);
        let all = first + &std::fs::read_to_string(&acknowledged).unwrap();
        std::fs::write(&acknowledged, all).unwrap();
        println!("{}", Log::read(&broker.bootstrap()).must_hold(&acknowledged));
    }
}

#[test]
fn in_the_lake_each_acknowledged_hit_is_one_row_whatever_it_went_through() {
    let mut broker = Broker::start(kafka_broker::Options::new());
    let mut edge = Edge::before(&broker);
    let lake = edge.path("lake");
    edge.start_behind("sessionizer", &[]);
    edge.start_behind("lake-writer", &["--flush-interval", "1s", "--lake", lake.to_str().unwrap()]);
    let rate = std::env::var("TOOLS_SPOOL_RATE").map_or(400, |rate| rate.parse().unwrap());
    let (mut load, acknowledged) = edge.load(rate, 26);
    std::thread::sleep(Duration::from_secs(3));
    broker.kill();
    std::thread::sleep(OUTAGE / 2);
    edge.collector.as_ref().unwrap().signal("KILL");
    edge.collector.as_mut().unwrap().wait();
    edge.start();
    broker.restart();
    load.wait();
    wait_until("an empty spool", || edge.segments() == 0);

    let acknowledged = std::fs::read_to_string(acknowledged).unwrap();
    let missing = |rows: &BTreeMap<String, usize>| acknowledged.lines().filter(|id| !rows.contains_key(*id)).count();
    wait_until("every acknowledged hit in the lake", || missing(&edge.rows()) == 0);
    let rows = edge.rows();
    let doubled = rows.values().filter(|times| **times > 1).count();
    println!("{}", edge.report());
    println!("acknowledged {}, missing {}, doubled {doubled}", acknowledged.lines().count(), missing(&rows));
    assert_eq!(doubled, 0, "{}", edge.text_of_log());
}
