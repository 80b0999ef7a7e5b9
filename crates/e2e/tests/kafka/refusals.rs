//! Topics that are not the ones that the state was made with, and a state that is gone.

use events::Topic;
use rdkafka::producer::Producer;

use crate::short::{Short, raw_producer};
use crate::support::kafka::{broker, count, wait_until};
use crate::support::process::PATIENCE;

fn delete(topic: &str) {
    broker().tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", topic], "");
    // The controller has said yes; the broker hears of it a moment later.
    let client = raw_producer(broker(), &[]);
    wait_until("a topic that is gone", || {
        let all = client.client().fetch_metadata(None, PATIENCE).unwrap();
        all.topics().iter().all(|found| found.name() != topic)
    });
}

#[test]
fn a_log_made_anew_beside_an_old_state_is_one_line() {
    let Short { pipeline, mut collector, mut sessionizer, bus, .. } = {
        let mut short = Short::begin(broker(), "anew");
        short.sessionizer.start_and_wait();
        short.send(0..40);
        short.all_is_final(40);
        short
    };
    assert!(collector.stop().success() && sessionizer.stop().success());
    let topic = pipeline.topic(Topic::Hits);
    delete(&topic);
    drop(bus);

    sessionizer.start();
    assert!(!sessionizer.wait_until_ended().success());
    let log = sessionizer.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the log was made anew beside an old state")).collect();
    assert!(!lines.is_empty() && !log.contains("panicked"), "{log}");
}

#[test]
fn a_state_that_was_removed_is_one_line_until_the_group_is_reset() {
    let mut short = Short::begin(broker(), "removed");
    short.sessionizer.start_and_wait();
    short.send(0..40);
    short.all_is_final(40);
    assert!(short.sessionizer.stop().success());
    // With what it led to, so that the topics are made again.
    for topic in [Topic::SessionsOpen, Topic::HitsEnriched] {
        delete(&short.pipeline.topic(topic));
    }

    short.sessionizer.start();
    assert!(!short.sessionizer.wait_until_ended().success());
    let log = short.sessionizer.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains("holds nothing, though the group sessionizer had processed `hits/"), "{last}");
    assert!(last.contains("restore it") && last.contains("--topic-prefix") && !log.contains("panicked"), "{last}");
    assert_eq!(count(&short.bus, Topic::HitsEnriched), 0);

    let group = short.pipeline.group("sessionizer");
    let reset = ["--group", &group, "--all-topics", "--reset-offsets", "--to-earliest", "--execute"];
    broker().tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", &reset, "");
    short.sessionizer.start_and_wait();
    wait_until("all hits a second time", || count(&short.bus, Topic::HitsEnriched) == 40);
    assert!(short.sessionizer.stop().success());
}

#[test]
fn another_number_of_partitions_is_refused_with_the_way_out() {
    let (pipeline, ..) = Short::unstarted(broker(), "number");
    let mut sessionizer = pipeline.sessionizer("sessionizer");
    sessionizer.start_and_wait();
    assert!(sessionizer.stop().success());
    sessionizer.set_flag("--partitions", "6");
    sessionizer.start();
    assert!(!sessionizer.wait_until_ended().success());
    let log = sessionizer.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains("4 partitions") && last.contains('6') && last.contains("prefix"), "{last}");
}
