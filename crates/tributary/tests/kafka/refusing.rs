//! Settings that the brokers do not take: one line that says what to do, and the end.

use kafka_broker::{shared, topic_prefix};
use tempfile::tempdir;

use crate::service::Service;
use crate::support::{text, tributary};

#[test]
fn a_session_timeout_that_the_broker_does_not_take_ends_a_service_with_the_bounds() {
    let data = tempdir().unwrap();
    let file = data.path().join("kafka.properties");
    std::fs::write(&file, "session.timeout.ms=1000\nheartbeat.interval.ms=200\n").unwrap();
    let args = ["sessionizer", "--kafka-config", file.to_str().unwrap()];
    let mut service = Service::start(&shared().bootstrap(), &topic_prefix("refusing"), &args);
    let status = service.process.wait().unwrap_or_else(|| panic!("it goes on: {:#?}", service.lines()));
    assert_eq!(status.code(), Some(1));
    let error = service.wait_for("error", || service.lines().into_iter().find(|line| line.starts_with("error: ")));
    assert!(error.contains("`session.timeout.ms`") && error.contains("`group.min.session.timeout.ms`"), "{error}");
}

#[test]
fn a_tail_of_a_prefix_that_nobody_writes_to_says_so() {
    let (broker, prefix) = (format!("kafka://{}", shared().bootstrap()), topic_prefix("refusing"));
    let output = tributary().args(["tail", "hits", "--bus", &broker, "--topic-prefix", &prefix]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let line = text(&output.stderr);
    assert!(line.contains(&format!("there is no topic {prefix}hits on these brokers")), "{line}");
    assert!(
        line.contains("--topic-prefix") && !line.contains("--create-topics") && line.lines().count() == 1,
        "{line}"
    );
}

/// The tooling's own variables begin otherwise, and stop nobody.
#[test]
fn the_variables_of_make_may_be_exported() {
    let makefile = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Makefile")).unwrap();
    let words = makefile.split(|char: char| !(char.is_ascii_uppercase() || char == '_'));
    let tools: Vec<_> = words.filter(|word| word.starts_with("TOOLS_")).collect();
    assert!(tools.contains(&"TOOLS_KAFKA") && tools.contains(&"TOOLS_SOAK_SEED") && tools.contains(&"TOOLS_DATA"));
    assert!(!makefile.contains("TRIBUTARY_"), "that is how settings begin");
    let mut command = tributary();
    command.args(["tail", "hits", "--bus", &format!("kafka://{}", shared().bootstrap())]);
    command.args(["--topic-prefix", &topic_prefix("refusing")]);
    let output = command.envs(tools.iter().map(|tool| (tool, "/somewhere"))).output().unwrap();
    assert!(text(&output.stderr).contains("there is no topic"), "{}", text(&output.stderr));
}
