//! What is asked of the brokers themselves, and what not every version of Kafka does.

use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use kafka_broker::Cluster;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support;

/// Kafka 4.3 and 4.4 forget it: docs/kafka.md, "Which Kafka".
#[test]
fn a_transaction_waits_for_its_end_while_its_partition_has_no_leader() {
    let mut cluster = Cluster::start(3, kafka_broker::Options::new());
    let (servers, topic) = (cluster.bootstrap(), "alone");
    let on_the_third = ["--create", "--topic", topic, "--replica-assignment", "3", "--config", "min.insync.replicas=1"];
    cluster.brokers[0].tool("org.apache.kafka.tools.TopicCommand", &on_the_third, "");
    let producer = support::open_transaction(&servers, "somebody", topic, "kept");

    cluster.brokers[2].stop();
    let reader: BaseConsumer =
        support::raw(&servers).set("group.id", "readers").set("isolation.level", "read_committed").create().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while reader.fetch_metadata(Some(topic), PATIENCE).unwrap().topics()[0].partitions()[0].leader() >= 0 {
        assert!(Instant::now() < deadline, "a broker that was stopped leads on");
        std::thread::sleep(Duration::from_millis(100));
    }
    producer.commit_transaction(PATIENCE).unwrap();
    cluster.brokers[2].restart();

    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    reader.assign(&list).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let record = loop {
        if let Some(Ok(record)) = reader.poll(Duration::from_millis(200)) {
            break record;
        }
        assert!(Instant::now() < deadline, "what was committed cannot be read: its mark was left out");
    };
    assert_eq!(record.payload(), Some(&b"kept"[..]));
}
