//! Restarts in odd moments, a bus that fails now and then, and a log whose front is gone.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::embedded::{EmbeddedBus, Limits, Options};
use bus::{Away, BusError, Condition, Outgoing, Reader, Record, SharedBus, Source};
use events::{Control, NextOffset, Span, Timestamp, Topic};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use service::{Health, Shutdown};
use sessionizer::{Config, Error};

use crate::between::{Between, behind};
use crate::support::*;

#[test]
fn sessions_that_were_open_at_a_restart_become_final_though_no_hit_comes_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(1, "v1", now())]);
    let config = hasty(500);
    // No tick in the first run: one that it left unread would be the record that the second must do without.
    let patient = Config { idle_interval: Span::from_hours(1), ..config.clone() };
    run_until(&bus, &patient, |bus| read(bus, Topic::HitsEnriched).len() == 1);
    assert_eq!(read(&bus, Topic::Sessions).len(), 0, "the session was to be open still");
    run_until(&bus, &config, |bus| read(bus, Topic::Sessions).len() == 1);
}

#[test]
fn a_bounded_run_over_a_log_that_was_processed_already_ends_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(1, "v1", now()), control(0, Control::End), control(1, Control::End)]);
    assert_eq!(run_bounded(&bus).counts.enriched, 1);
    assert_eq!(run_bounded(&bus).counts.enriched, 0);
    assert_eq!(read(&bus, Topic::HitsEnriched).len(), 1);
}

/// Takes no control record at first.
struct RefusesOnce(AtomicBool);

impl Between for RefusesOnce {
    fn publish(&self, bus: &SharedBus, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        if self.0.swap(false, Ordering::SeqCst) {
            return future::ready(Err(BusError::Unavailable("the queue is full".to_owned()))).boxed();
        }
        bus.publish(records)
    }
}

/// Each read takes this long.
struct SlowReads(Duration);

impl Between for SlowReads {
    fn reader(&self, _source: Source, reader: Box<dyn Reader>) -> Box<dyn Reader> {
        Box::new(SlowReader { reader, takes: self.0 })
    }
}

struct SlowReader {
    reader: Box<dyn Reader>,
    takes: Duration,
}

impl Reader for SlowReader {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        std::thread::sleep(self.takes);
        self.reader.next(timeout)
    }

    fn position(&self) -> NextOffset {
        self.reader.position()
    }
}

#[test]
fn settings_that_the_bus_did_not_take_are_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(1, "v1", now())]);
    run_until(&bus, &Config::default(), |bus| read(bus, Topic::HitsEnriched).len() == 1);
    let settings =
        |bus: &SharedBus| read(bus, Topic::Hits).iter().filter(|record| record["control"] == "settings").count();
    let troubled = behind(RefusesOnce(AtomicBool::new(true)), bus);
    run_until(&troubled, &hasty(200), |bus| settings(bus) == 1);
}

#[test]
fn a_restore_is_given_up_when_a_stop_leaves_it_no_time() {
    let directory = tempfile::tempdir().unwrap();
    // Each read gives one batch: a log that takes minutes to run through again.
    let limits = Limits { recent: 0, ..Limits::default() };
    let options = Options { partitions: PARTITIONS, limits, ..Options::at(directory.path().join("bus")) };
    let bus: SharedBus = Arc::new(EmbeddedBus::open(options).unwrap());
    for n in 0..40 {
        let large = |_| Outgoing { value: vec![b'x'; 600_000].into(), ..control(0, Control::Draining) };
        publish(&bus, (0..2).map(large).chain([hit(n, "v1", now())]).collect());
    }
    let done = |bus: &SharedBus| read(bus, Topic::HitsEnriched).len() == 40;
    // A bounded run makes no checkpoints, so that the whole log is run through.
    let bounded = Config { mode: sessionizer::Mode::Bounded, ..Config::default() };
    run_until(&bus, &bounded, done);

    let slow = behind(SlowReads(Duration::from_millis(500)), bus);
    let shutdown = Shutdown::with_drain(Duration::from_millis(600));
    let stopped = Instant::now();
    assert_eq!(stopped_while_it_restores(&slow, &shutdown).counts.hits, 0);
    // Some twenty reads of half a second each would be left.
    assert!(stopped.elapsed() < Duration::from_secs(7), "{:?}", stopped.elapsed());
}

/// Runs a sessionizer that is told to stop as soon as it has begun to restore.
fn stopped_while_it_restores(bus: &SharedBus, shutdown: &Shutdown) -> sessionizer::Summary {
    let (config, health) = (Config::default(), Health::default());
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| sessionizer::run(&config, bus, shutdown, &health));
        while !health.report().values().any(|part| part.as_ref().is_some_and(|why| why.starts_with("restoring"))) {
            std::thread::yield_now();
        }
        shutdown.cancel();
        thread.join().unwrap().unwrap()
    })
}

#[test]
fn a_stop_right_after_the_start_still_processes_what_stands_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let hits = |numbers: std::ops::Range<u128>| numbers.map(|n| hit(n, &format!("v{}", n % 7), now())).collect();
    publish(&bus, hits(0..100));
    run_until(&bus, &Config::default(), |bus| read(bus, Topic::HitsEnriched).len() == 100);

    publish(&bus, hits(100..200));
    let slow = behind(SlowReads(Duration::from_millis(100)), bus);
    stopped_while_it_restores(&slow, &Shutdown::new());
    assert_eq!(read(&slow, Topic::HitsEnriched).len(), 200);

    publish(&slow, hits(200..300));
    let told_before_it_began = Shutdown::new();
    told_before_it_began.cancel();
    sessionizer::run(&Config::default(), &slow, &told_before_it_began, &Health::default()).unwrap();
    assert_eq!(read(&slow, Topic::HitsEnriched).len(), 300);
}

#[test]
fn hits_that_retention_takes_from_under_a_running_sessionizer_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let embedded = EmbeddedBus::open(Options { partitions: PARTITIONS, ..Options::at(directory.path()) }).unwrap();
    let bus: SharedBus = Arc::new(embedded.clone());
    let to_first = |n, visitor| Outgoing { partition: Some(0), ..hit(n, visitor, now()) };
    publish(&bus, vec![to_first(1, "v1")]);

    // The sessionizer has its partitions and stands still, by its clock, while the log's front goes.
    let (gate, calls) = (Arc::new(Mutex::new(())), Arc::new(AtomicU32::new(0)));
    let clock = {
        let (gate, calls) = (gate.clone(), calls.clone());
        Arc::new(move || {
            calls.fetch_add(1, Ordering::SeqCst);
            drop(gate.lock().unwrap());
            now()
        })
    };
    let config = Config { clock, ..hasty(60_000) };
    let mut was_cut = false;
    let enriched = |bus: &SharedBus| read(bus, Topic::HitsEnriched).len();
    let looks = Mutex::new(|bus: &SharedBus| {
        if enriched(bus) == 1 && !was_cut {
            was_cut = true;
            let held = gate.lock().unwrap();
            let before = calls.load(Ordering::SeqCst);
            while calls.load(Ordering::SeqCst) == before {
                std::thread::yield_now();
            }
            publish(bus, vec![to_first(2, "v2")]);
            embedded.enforce_retention(far_future()).unwrap();
            publish(bus, vec![to_first(3, "v3")]);
            drop(held);
        }
        was_cut && read(bus, Topic::Rejected).len() == 1
    });
    run_until(&bus, &config, |bus| looks.lock().unwrap()(bus));
    let rejected = &read(&bus, Topic::Rejected)[0];
    assert_eq!(rejected["reason"], "expired");
}

fn far_future() -> Timestamp {
    now() + Span::from_hours(24 * 365)
}

#[test]
fn a_record_that_the_bus_does_not_take_ends_the_sessionizer_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let hit = hit(1, "v1", now());
    // Just enough for the hit, and not for what is appended to it.
    let record = hit.key.as_ref().unwrap().len() + hit.value.len();
    let options = Options {
        partitions: PARTITIONS,
        limits: Limits { record, ..Limits::default() },
        ..Options::at(directory.path())
    };
    let bus: SharedBus = Arc::new(EmbeddedBus::open(options).unwrap());
    publish(&bus, vec![hit]);
    let error = sessionizer::run(&Config::default(), &bus, &Shutdown::new(), &Health::default()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::TooLarge { limit, .. } if limit == record), "{text}");
    assert!(text.contains("shop.example/v1") && !text.contains('\n'), "{text}");
}

fn ticks(bus: &SharedBus) -> usize {
    read(bus, Topic::Hits).iter().filter(|record| record["control"] == "tick").count()
}

/// Nobody answers it, though what is published comes through in the end.
struct IsAway;

impl Between for IsAway {
    fn condition(&self, _: &SharedBus) -> Condition {
        Condition {
            away: Some(Away { since: Instant::now(), why: "connection refused".to_owned() }),
            ..Condition::default()
        }
    }
}

#[test]
fn no_tick_overtakes_the_hits_that_wait_for_a_bus_that_is_away() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(1, "v1", now())]);
    let long_enough = Instant::now() + Duration::from_secs(2);
    run_until(&behind(IsAway, bus.clone()), &hasty(60_000), |bus| {
        read(bus, Topic::HitsEnriched).len() == 1 && Instant::now() > long_enough
    });
    assert_eq!(ticks(&bus), 0);
    run_until(&bus, &hasty(60_000), |bus| ticks(bus) > 0);
}

#[test]
fn no_tick_comes_right_after_a_step_that_waited_out_an_outage() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    publish(&bus, vec![hit(1, "v1", now())]);
    // It stands still, by its clock, for longer than its idle interval.
    let (gate, waits) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
    let clock = {
        let (gate, waits) = (gate.clone(), waits.clone());
        Arc::new(move || {
            waits.store(true, Ordering::SeqCst);
            drop(gate.lock().unwrap());
            now()
        })
    };
    let config = Config { clock, idle_interval: Span::from_secs(4), ..hasty(60_000) };
    let went_on: Mutex<Option<Instant>> = Mutex::default();
    run_until(&bus, &config, |bus| {
        let mut went_on = went_on.lock().unwrap();
        if went_on.is_none() && read(bus, Topic::HitsEnriched).len() == 1 {
            let held = gate.lock().unwrap();
            waits.store(false, Ordering::SeqCst);
            while !waits.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_secs(6));
            drop(held);
            *went_on = Some(Instant::now());
        }
        went_on.is_some_and(|went_on| went_on.elapsed() > Duration::from_secs(1))
    });
    assert_eq!(ticks(&bus), 0);
}
