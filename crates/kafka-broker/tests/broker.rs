//! What tests may rely on: a broker that starts, answers, survives, and leaves nothing behind.

use std::path::Path;

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
    let mut broker = Broker::start(Options::new());
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
#[should_panic(expected = "no.such.Class")]
fn a_broker_that_cannot_start_shows_its_log() {
    Broker::start(Options::new().property("authorizer.class.name", "no.such.Class"));
}
