//! A bus in a directory, hits to put on it, and sessionizers that run until something is so.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::embedded::{EmbeddedBus, Options};
use bus::{Outgoing, SharedBus, Source};
use events::{Control, NewHit, NextOffset, Span, Timestamp, Topic, Uuid};
use serde_json::Value;
use service::{Health, Shutdown, clock};
use sessionizer::{Config, Mode, Summary};

pub(crate) const PARTITIONS: u32 = 2;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn open(directory: &Path) -> SharedBus {
    let mut options = Options::at(directory.join("bus"));
    options.partitions = PARTITIONS;
    Arc::new(EmbeddedBus::open(options).unwrap())
}

pub(crate) fn now() -> Timestamp {
    clock::system()()
}

pub(crate) fn publish(bus: &SharedBus, records: Vec<Outgoing>) {
    futures::executor::block_on(bus.publish(records)).unwrap();
}

pub(crate) fn hit(n: u128, visitor: &str, time: Timestamp) -> Outgoing {
    hit_of(n, visitor, time, "https://shop.example/a")
}

/// A hit of a page.
pub(crate) fn hit_of(n: u128, visitor: &str, time: Timestamp, url: &str) -> Outgoing {
    let mut hit = NewHit::new(Uuid::from_u128(n), "shop.example", "pageview", time, time);
    hit.visitor_id = Some(visitor);
    hit.url = Some(url);
    Outgoing {
        topic: Topic::Hits,
        partition: None,
        key: Some(hit.key().into()),
        value: hit.to_json().into(),
        append_time: None,
    }
}

pub(crate) fn control(partition: u32, control: Control) -> Outgoing {
    let value = control.to_json().into();
    Outgoing { topic: Topic::Hits, partition: Some(partition), key: None, value, append_time: None }
}

/// Every record of a topic, as JSON.
pub(crate) fn read(bus: &SharedBus, topic: Topic) -> Vec<Value> {
    let mut all = Vec::new();
    for partition in 0..PARTITIONS {
        let source = Source { topic, partition };
        let end = bus.bounds(source).unwrap().end;
        let mut reader = bus.read(source, NextOffset::START).unwrap();
        while reader.position() < end {
            for record in reader.next(Duration::from_secs(1)).unwrap() {
                all.extend(record.value.map(|value| serde_json::from_slice(&value).unwrap()));
            }
        }
    }
    all
}

pub(crate) fn run_bounded(bus: &SharedBus) -> Summary {
    let config = Config { mode: Mode::Bounded, ..Config::default() };
    sessionizer::run(&config, bus, &Shutdown::new(), &Health::default()).unwrap()
}

/// Runs a live sessionizer until something is so, then stops it in good order.
pub(crate) fn run_until(bus: &SharedBus, config: &Config, is_so: impl Fn(&SharedBus) -> bool) -> Summary {
    let shutdown = Shutdown::new();
    std::thread::scope(|scope| {
        let _stops = StopsAtTheEnd(&shutdown);
        let thread = scope.spawn(|| sessionizer::run(config, bus, &shutdown, &Health::default()));
        let started = Instant::now();
        while !is_so(bus) && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(is_so(bus), "it did not come to that within {PATIENCE:?}");
        shutdown.cancel();
        thread.join().unwrap().unwrap()
    })
}

/// Says stop however the test ends, so that a failure does not wait for ever.
pub(crate) struct StopsAtTheEnd<'a>(pub(crate) &'a Shutdown);

impl Drop for StopsAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

pub(crate) fn hasty(gap_ms: i64) -> Config {
    let mut config = Config {
        idle_interval: Span::from_millis(100),
        commit_interval: Duration::from_millis(20),
        ..Config::default()
    };
    config.settings.gap = Span::from_millis(gap_ms);
    config.settings.lateness = Span::from_millis(100);
    config
}
