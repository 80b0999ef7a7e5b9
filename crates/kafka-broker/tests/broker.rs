//! What tests may rely on: a broker that starts, answers, survives, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use kafka_broker::{Broker, Cluster, Options, shared, topic_prefix};

#[test]
fn what_one_console_writes_the_other_reads() {
    let topic = topic_prefix("consoles") + "lines";
    shared().create_topic(&topic, 2, &[("message.timestamp.type", "LogAppendTime")]);
    shared().console_producer(&topic, &["one", "two", "three"]);
    let mut lines = shared().console_consumer(&topic, &["--max-messages", "3"]);
    lines.sort();
    assert_eq!(lines, ["one", "three", "two"]);
}

#[test]
fn a_killed_broker_comes_back_with_its_data_and_its_ports() {
    let mut broker = Broker::start(Options::new().comes_back());
    let bootstrap = broker.bootstrap();
    broker.create_topic("kept", 1, &[]);
    broker.console_producer("kept", &["before"]);
    broker.kill();
    assert!(!broker.is_running());
    broker.restart();
    assert_eq!(broker.bootstrap(), bootstrap);
    broker.console_producer("kept", &["after"]);
    broker.pause();
    broker.resume();
    broker.restart();
    assert_eq!(broker.console_consumer("kept", &["--max-messages", "2"]), ["before", "after"]);
    let (pid, folder) = (broker.pid().unwrap(), broker.folder().to_owned());
    drop(broker);
    assert!(!folder.exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_cluster_serves_while_one_of_three_is_dead() {
    let mut cluster = Cluster::start(3, Options::new());
    cluster.brokers[0].create_topic("replicated", 3, &[]);
    cluster.brokers[2].kill();
    cluster.brokers[0].console_producer("replicated", &["still here"]);
    assert_eq!(cluster.brokers[1].console_consumer("replicated", &["--max-messages", "1"]), ["still here"]);
    cluster.brokers[2].restart();
    assert!(cluster.brokers[2].is_running());
}

#[test]
fn a_broker_whose_clock_is_an_hour_ahead_stamps_records_so() {
    let broker = Broker::start(Options::new().clock_ahead(Duration::from_secs(3_600)));
    broker.create_topic("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
    broker.console_producer("stamped", &["early"]);
    let arguments = ["--max-messages", "1", "--formatter-property", "print.timestamp=true"];
    let line = broker.console_consumer("stamped", &arguments).remove(0);
    let stamp: u64 = line.strip_prefix("LogAppendTime:").unwrap().split('\t').next().unwrap().parse().unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(stamp / 1_000 > now + 3_000, "{line} at {now}");
}

#[test]
fn a_broker_ends_with_a_process_that_is_killed() {
    let mut owner =
        Command::new(env!("CARGO_BIN_EXE_kafka-broker")).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let folder = Path::new(line.trim_end().rsplit(' ').next().unwrap());
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    let is_alive = || Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().unwrap().success();
    assert!(folder.join("data").exists() && is_alive());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let began = Instant::now();
    while folder.exists() || is_alive() {
        assert!(began.elapsed() < Duration::from_secs(60), "{line} is left behind");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[should_panic(expected = "no.such.Class")]
fn a_broker_that_cannot_start_shows_its_log() {
    Broker::start(Options::new().property("authorizer.class.name", "no.such.Class"));
}

#[test]
fn a_secured_broker_takes_whom_it_knows_and_allows_what_it_must() {
    let broker = Broker::start(Options::new().user("alice", "wonderland").user("bob", "builder").acls());
    broker.create_topic("doors.one", 1, &[]);
    broker.console_producer("doors.one", &["open"]);
    broker.allow(&["alice"], "--topic", "doors.");
    broker.allow(&["alice"], "--group", "console-consumer-");
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let properties = broker.client_properties(Some((mechanism, "alice", "wonderland")));
        assert_eq!(read_as(&broker, &properties).0, "open\n", "{mechanism}");
    }
    let alice = broker.client_properties(Some(("SCRAM-SHA-512", "alice", "wonderland")));
    let bob = broker.client_properties(Some(("SCRAM-SHA-512", "bob", "builder")));
    let refusals = [
        (alice.replace("wonderland", "looking-glass"), "SaslAuthenticationException"),
        (bob, "AuthorizationException"),
        (alice.replace("authority.pem", "stranger.pem"), "SslAuthenticationException"),
    ];
    for (properties, exception) in refusals {
        let (lines, said) = read_as(&broker, &properties);
        assert!(lines.is_empty() && said.contains(exception), "{exception}: {lines}{said}");
    }
}

/// What the console consumer reads with a client's properties, and what it says.
fn read_as(broker: &Broker, properties: &str) -> (String, String) {
    let file = broker.folder().join("client.properties");
    std::fs::write(&file, properties).unwrap();
    let arguments = ["--topic", "doors.one", "--from-beginning", "--max-messages", "1", "--timeout-ms", "60000"];
    let arguments = [&arguments[..], &["--command-config", file.to_str().unwrap()]].concat();
    let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
    let output = broker.tool_at(&broker.bootstrap(), class, &arguments, "");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}
