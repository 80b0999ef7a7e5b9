//! What one step holds: never more than its bounds (P6).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{BusError, Polled, Source, Step, Worker};
use events::{NextOffset, Topic};
use sessionizer::Config;

use crate::between::{Between, behind};
use crate::support::*;

/// What was committed at once: records of `hits`, and bytes of each of their outputs in order.
#[derive(Default, Debug)]
struct Held {
    records: i64,
    outputs: Vec<usize>,
}

/// Notes what each step holds.
struct Noting(Arc<Mutex<Vec<Held>>>);

impl Between for Noting {
    fn worker(&self, worker: Box<dyn Worker>) -> Box<dyn Worker> {
        Box::new(NotingWorker { worker, steps: self.0.clone(), positions: [0; PARTITIONS as usize] })
    }
}

struct NotingWorker {
    worker: Box<dyn Worker>,
    steps: Arc<Mutex<Vec<Held>>>,
    positions: [i64; PARTITIONS as usize],
}

impl Worker for NotingWorker {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, BusError> {
        self.worker.poll(timeout)
    }

    fn seek(&mut self, source: Source, position: NextOffset) -> Result<(), BusError> {
        self.worker.seek(source, position)
    }

    fn pause(&mut self, source: Source) -> Result<(), BusError> {
        self.worker.pause(source)
    }

    fn resume(&mut self, source: Source) -> Result<(), BusError> {
        self.worker.resume(source)
    }

    fn commit(&mut self, step: Step<'_>) -> Result<(), BusError> {
        self.worker.commit(step)?;
        let mut held = Held::default();
        for (source, position) in step.positions {
            let before = std::mem::replace(&mut self.positions[source.partition as usize], position.0);
            held.records += position.0 - before;
        }
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let outputs = step.outputs.iter().filter(|output| output.target.topic != Topic::SessionsOpen);
        held.outputs = outputs.map(|output| length(output.key) + length(output.value)).collect();
        self.steps.lock().unwrap().push(held);
        Ok(())
    }
}

/// Steps in which so many hits of all sizes were processed, which only the bounds cut.
fn steps_of(hits: u128, records: usize, bytes: usize) -> Vec<Held> {
    let directory = tempfile::tempdir().unwrap();
    let (bus, steps) = (open(directory.path()), Arc::default());
    let sized = |n: u128| {
        let url = format!("https://shop.example/{}", "a".repeat((n * 37 % 900) as usize));
        hit_of(n, &format!("v{}", n % 11), now(), &url)
    };
    publish(&bus, (0..hits).map(sized).collect());
    let noting = behind(Noting(Arc::clone(&steps)), bus.clone());
    let config = Config {
        commit_interval: Duration::from_secs(3600),
        commit_records: records,
        commit_bytes: bytes,
        ..Config::default()
    };
    // What stands in the log is processed before the stop, and what is left of it committed then.
    run_until(&noting, &config, |_| true);
    assert_eq!(read(&bus, Topic::HitsEnriched).len(), hits as usize);
    let mut steps = std::mem::take(&mut *steps.lock().unwrap());
    steps.retain(|held| held.records > 0);
    steps
}

const ENDLESS: usize = usize::MAX;

#[test]
fn a_step_covers_no_more_records_than_it_may() {
    for most in [1, 7, 64, 100, 399, 400] {
        let steps = steps_of(400, most, ENDLESS);
        let (last, full) = steps.split_last().unwrap();
        assert!(full.iter().all(|held| held.records == most as i64), "{most}: {steps:?}");
        assert!((1..=most as i64).contains(&last.records), "{most}: {steps:?}");
    }
}

#[test]
fn a_step_ends_with_the_record_that_fills_it() {
    for most in [1, 3_000, 20_000, 100_000] {
        let steps = steps_of(400, ENDLESS, most);
        let (last, full) = steps.split_last().unwrap();
        let bytes = |held: &Held| held.outputs.iter().sum::<usize>();
        for held in full {
            // Each hit became one output, and nothing else. The last one in is the last of its partition.
            let largest = held.outputs.iter().max().unwrap();
            assert!(bytes(held) >= most && bytes(held) - largest < most, "{most}: {held:?}");
        }
        assert!(bytes(last) - last.outputs.iter().max().unwrap() < most, "{most}: {last:?}");
        assert!(full.len() >= 3 || most == 100_000, "{most}: the bound was not reached: {}", steps.len());
    }
}

#[test]
fn a_step_without_bounds_to_reach_holds_all_that_there_is() {
    assert_eq!(steps_of(400, 400, ENDLESS).len(), 1);
    assert_eq!(steps_of(400, ENDLESS, ENDLESS).len(), 1);
}
