//! Two processes of one name.

use kafka_broker::{shared, topic_prefix};
use tempfile::tempdir;

use crate::service::Service;

#[test]
fn of_two_with_one_instance_id_the_older_ends_with_a_line_that_names_the_flag_and_the_newer_works_on() {
    let data = tempdir().unwrap();
    let lake = data.path().join("lake").display().to_string();
    let lake_writer = ["lake-writer", "--instance-id", "one", "--lake", &lake];
    for args in [&["sessionizer", "--instance-id", "one"][..], &lake_writer[..]] {
        let (prefix, broker) = (topic_prefix("namesakes"), shared().bootstrap());
        let mut older = Service::start(&broker, &prefix, args);
        older.wait_until_ready(true);
        let mut newer = Service::start(&broker, &prefix, args);
        let status = older.process.wait().unwrap_or_else(|| panic!("both go on: {:#?}", older.lines()));
        assert_eq!(status.code(), Some(1));
        let error = older.wait_for("error", || older.lines().into_iter().find(|line| line.starts_with("error: ")));
        assert!(error.contains("--instance-id one is in use: another process"), "{error}");
        newer.wait_until_ready(true);
        assert_eq!(newer.process.ended(), None);
        assert!(newer.process.stop().success(), "{:#?}", newer.lines());
    }
}
