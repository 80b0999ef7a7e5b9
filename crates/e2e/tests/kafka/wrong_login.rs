//! Services with a login that the brokers refuse. What the collector says then is in the command's own tests.

use kafka_broker::{Broker, Options};

use crate::support::binary::tributary;

#[test]
fn a_wrong_password_ends_sessionizer_and_lake_writer_with_one_line_that_does_not_show_it() {
    let broker = Broker::start(Options::new().user("alice", "open-sesame"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kafka.properties");
    std::fs::write(&file, broker.client_properties(Some(("SCRAM-SHA-512", "alice", "hunter2-guessed")))).unwrap();
    let lake = folder.path().join("lake");
    for flags in [&["sessionizer"][..], &["lake-writer", "--lake", lake.to_str().unwrap()]] {
        let mut command = tributary(flags);
        command.args(["--admin", "127.0.0.1:0", "--log", "debug,librdkafka=trace,rdkafka=trace", "--kafka-config"]);
        command.arg(&file).args(["--bus", &format!("kafka://{}", broker.bootstrap())]);
        let output = command.output().unwrap();
        let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
        assert_eq!(output.status.code(), Some(1), "{flags:?}: {err}");
        let errors: Vec<_> = err.lines().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors[..] else { panic!("{flags:?}: {err}") };
        assert!(error.contains("uthentication failed") && error.contains("TRIBUTARY_KAFKA_PASSWORD"), "{error}");
        assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
    }
}
