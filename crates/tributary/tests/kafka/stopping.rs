//! A stop while the broker says nothing.

use std::time::Duration;

use kafka_broker::{Broker, Options};
use tempfile::tempdir;

use crate::process::Up;
use crate::support::rows;

#[test]
fn a_stop_does_not_wait_for_a_broker_that_is_away_and_nothing_is_lost() {
    let (mut broker, data) = (Broker::start(Options::new()), tempdir().unwrap());
    let up = Up::start(&broker.bootstrap(), "stopping.", data.path());
    assert_eq!(up.collect("a"), 200);
    broker.pause();
    // Whatever was on its way has no answer now.
    assert_eq!(up.collect("b"), 503);
    let (_, took) = up.stop();
    // Waiting for the broker as somebody does who goes on would take minutes.
    assert!(took < Duration::from_secs(30), "{took:?}");
    broker.resume();
    let up = Up::start(&broker.bootstrap(), "stopping.", data.path());
    assert_eq!(up.collect("c"), 200);
    let (status, _) = up.stop();
    assert!(status.success());
    let rows = rows(&data.path().join("lake"), "hits");
    let visitors: Vec<_> = rows.iter().map(|row| crate::support::text_of(row, "visitor_id")).collect();
    assert!(visitors.contains(&"a".to_owned()) && visitors.contains(&"c".to_owned()), "{visitors:?}");
    broker.stop();
}
