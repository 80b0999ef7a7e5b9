//! A stop while the broker says nothing.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kafka_broker::{Broker, Options};
use tempfile::tempdir;

use crate::process::{PATIENCE, Up};
use crate::service::Service;
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

/// The services' own bound on a stop is ten seconds, of which the edge alone may need all.
#[test]
fn a_service_that_is_stopped_while_the_broker_is_away_ends_in_good_order() {
    let options = Options::new().property("broker.session.timeout.ms", 60_000);
    let (broker, data) = (Broker::start(options), tempdir().unwrap());
    let lake = data.path().join("lake").display().to_string();
    let start = |args: &[&str]| {
        let service = Service::start(&broker.bootstrap(), "stopping.", args);
        service.wait_until_ready(true);
        service
    };
    let mut services = [
        start(&["collector", "--listen", "127.0.0.1:0"]),
        start(&["sessionizer"]),
        start(&["lake-writer", "--lake", &lake, "--instance-id", "one"]),
    ];
    broker.pause();
    for service in &mut services {
        let begun = Instant::now();
        let status = service.process.stop();
        let lines = service.lines();
        assert!(status.success() && begun.elapsed() < Duration::from_secs(10), "{:?}: {lines:#?}", begun.elapsed());
    }
    broker.resume();
}

#[test]
fn a_service_that_is_stopped_while_it_waits_for_the_broker_ends_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut service = Service::start(&silent.local_addr().unwrap().to_string(), "stopping.", &["sessionizer"]);
    // It listens to signals before it asks anybody.
    let _connection = silent.accept().unwrap();
    let begun = Instant::now();
    let status = service.process.stop();
    assert!(
        status.success() && begun.elapsed() < Duration::from_secs(5),
        "{:?}: {:#?}",
        begun.elapsed(),
        service.lines()
    );
    service.wait_for("reason", || (service.count("WARN", "stopped before it had started: ") == 1).then_some(()));
}
