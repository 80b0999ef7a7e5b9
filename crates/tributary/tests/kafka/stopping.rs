//! A stop while the broker says nothing.

use std::time::{Duration, Instant};

use kafka_broker::{Broker, Options};
use tempfile::tempdir;

use crate::process::{PATIENCE, Up};
use crate::support::{rows, text_of};

#[test]
fn a_stop_does_not_wait_for_a_broker_that_is_away_and_nothing_is_lost() {
    // Its own controller must not give it up while both are frozen.
    let options = Options::new().property("broker.session.timeout.ms", 60_000);
    let (mut broker, data) = (Broker::start(options), tempdir().unwrap());
    let up = Up::start(&broker.bootstrap(), "stopping.", data.path());
    assert_eq!(up.collect("a"), 200);
    broker.pause();
    // Whatever was on its way has no answer now.
    let (status, took) = std::thread::scope(|scope| {
        let unanswered = scope.spawn(up.collector("b"));
        std::thread::sleep(Duration::from_secs(1));
        let stopped = up.stop();
        assert_eq!(unanswered.join().unwrap(), 503);
        stopped
    });
    // Who goes on would wait for the broker for minutes.
    assert!(took < Duration::from_secs(30), "{status} after {took:?}");
    broker.resume();
    let up = Up::start(&broker.bootstrap(), "stopping.", data.path());
    assert_eq!(up.collect("c"), 200);
    // The first one could not say goodbye: its partitions are given away when the group has missed it.
    let begun = Instant::now();
    let visitors = loop {
        let rows = rows(&data.path().join("lake"), "hits");
        let visitors: Vec<_> = rows.iter().map(|row| text_of(row, "visitor_id")).collect();
        if ["a", "c"].iter().all(|wanted| visitors.iter().any(|visitor| visitor == wanted)) {
            break visitors;
        }
        assert!(begun.elapsed() < PATIENCE, "{visitors:?}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let count = |visitor: &str| visitors.iter().filter(|one| *one == visitor).count();
    assert_eq!((count("a"), count("c")), (1, 1), "{visitors:?}");
    let (status, _) = up.stop();
    assert!(status.success());
    broker.stop();
}
