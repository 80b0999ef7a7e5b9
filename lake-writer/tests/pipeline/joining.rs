//! A group that takes its time until it gives a member its part.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bus::{Bounds, Bus, BusError, Group, Outgoing, Polled, Reader, SharedBus, Source, Step, Worker};
use events::{LogId, NextOffset};
use futures::future::BoxFuture;

use crate::support::{World, all_kinds, eventually, in_memory, patient};

/// How often a member has asked, and whether it is told anything.
#[derive(Default)]
struct Door {
    is_open: AtomicBool,
    knocks: AtomicU32,
}

/// A bus whose members wait before the door.
struct Slow(SharedBus, Arc<Door>);

struct SlowWorker(Box<dyn Worker>, Arc<Door>);

impl Bus for Slow {
    fn queued_bytes(&self) -> usize {
        self.0.queued_bytes()
    }

    fn partitions(&self) -> u32 {
        self.0.partitions()
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        self.0.log_id()
    }

    fn publish(&self, records: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        self.0.publish(records)
    }

    fn join(&self, group: Group) -> Result<Box<dyn Worker>, BusError> {
        Ok(Box::new(SlowWorker(self.0.join(group)?, Arc::clone(&self.1))))
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        self.0.read(source, from)
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        self.0.bounds(source)
    }
}

impl Worker for SlowWorker {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, BusError> {
        if self.1.is_open.load(Ordering::SeqCst) {
            return self.0.poll(timeout);
        }
        std::thread::sleep(Duration::from_millis(1));
        self.1.knocks.fetch_add(1, Ordering::SeqCst);
        Ok(Polled::Nothing)
    }

    fn seek(&mut self, source: Source, position: NextOffset) -> Result<(), BusError> {
        self.0.seek(source, position)
    }

    fn pause(&mut self, source: Source) -> Result<(), BusError> {
        self.0.pause(source)
    }

    fn resume(&mut self, source: Source) -> Result<(), BusError> {
        self.0.resume(source)
    }

    fn commit(&mut self, step: Step<'_>) -> Result<(), BusError> {
        self.0.commit(step)
    }
}

#[test]
fn nobody_is_ready_before_the_group_has_taken_him_in() {
    let (mut world, (_, lake), door) = (World::new(), in_memory(), Arc::<Door>::default());
    world.bus = Arc::new(Slow(world.bus.clone(), Arc::clone(&door)));
    world.publish(all_kinds(0..10));
    let running = world.start(patient(), &lake);
    eventually("some polls", || door.knocks.load(Ordering::SeqCst) > 3);
    assert!(!running.health.is_ready(), "{:?}", running.health.report());
    door.is_open.store(true, Ordering::SeqCst);
    eventually("ready", || running.health.is_ready());
    assert!(running.stop().is_complete);
}
