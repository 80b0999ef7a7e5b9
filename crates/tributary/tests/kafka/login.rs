//! What somebody reads who has a login wrong.

use kafka_broker::{Broker, Options};

use crate::support::{text, tributary};

#[test]
fn a_wrong_password_is_one_line_that_does_not_show_it() {
    let broker = Broker::start(Options::new().user("alice", "open-sesame"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kafka.properties");
    let collector = || {
        let mut command = tributary();
        command.args(["collector", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--log", "debug,librdkafka=trace,rdkafka=trace", "--kafka-config"]).arg(&file);
        command.args(["--bus", &format!("kafka://{}", broker.bootstrap())]);
        command
    };
    let wrong = broker.client_properties(Some(("SCRAM-SHA-512", "alice", "hunter2-guessed")));
    std::fs::write(&file, wrong).unwrap();
    let from_file = collector().output().unwrap();
    std::fs::write(&file, broker.client_properties(Some(("SCRAM-SHA-512", "alice", "open-sesame")))).unwrap();
    let from_variable = collector().env("TRIBUTARY_KAFKA_PASSWORD", "hunter2-guessed").output().unwrap();
    for output in [from_file, from_variable] {
        assert_eq!(output.status.code(), Some(1));
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let errors: Vec<_> = err.lines().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors[..] else { panic!("{err}") };
        assert!(error.contains("uthentication failed") && error.contains("TRIBUTARY_KAFKA_PASSWORD"), "{error}");
        assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
        assert!(!out.contains("open-sesame") && !err.contains("open-sesame"), "{out}{err}");
    }
}
