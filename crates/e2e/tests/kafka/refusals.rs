//! Topics that are not the ones that the state was made with.

use events::Topic;

use crate::short::Short;
use crate::support::kafka::broker;

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
    broker().tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", &topic], "");
    drop(bus);

    sessionizer.start();
    assert!(!sessionizer.wait_until_ended().success());
    let log = sessionizer.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the log was made anew beside an old state")).collect();
    assert!(!lines.is_empty() && !log.contains("panicked"), "{log}");
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
