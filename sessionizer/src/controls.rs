//! Ticks and settings on their way into the log: plain publishes outside any step, so that nobody's crash can block
//! readers of `hits`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{BusError, Outgoing, SharedBus};
use bytes::Bytes;
use events::{Control, Timestamp, Topic, WindowSettings};
use futures::FutureExt;
use futures::future::BoxFuture;
use service::metrics as name;

/// How long settings that the bus did not take wait before they are written again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

pub(crate) struct Controls {
    bus: SharedBus,
    /// The partitions that need other settings, and when to write them.
    settings_due: BTreeMap<u32, Instant>,
    in_flight: Vec<InFlight>,
}

struct InFlight {
    partition: u32,
    /// Whether these are settings that are written again where the bus does not take them.
    is_settings: bool,
    publish: BoxFuture<'static, Result<(), BusError>>,
}

impl Controls {
    pub(crate) fn new(bus: SharedBus) -> Self {
        Self { bus, settings_due: BTreeMap::new(), in_flight: Vec::new() }
    }

    /// A partition's settings differ from those that shall hold.
    pub(crate) fn want_settings(&mut self, partition: u32) {
        self.settings_due.insert(partition, Instant::now());
    }

    /// A partition is not ours any more: what is on its way to it goes there or not, and is not written again.
    pub(crate) fn forget(&mut self, partition: u32) {
        self.settings_due.remove(&partition);
        self.in_flight.retain(|sent| sent.partition != partition);
    }

    /// Writes the settings where they are due.
    pub(crate) fn send_settings(&mut self, settings: WindowSettings) {
        let now = Instant::now();
        while let Some((&partition, _)) = self.settings_due.iter().find(|&(_, &due)| due <= now) {
            self.settings_due.remove(&partition);
            self.publish(partition, &Control::Settings(settings));
        }
    }

    /// Writes a tick, unless one is on its way still.
    pub(crate) fn send_tick(&mut self, partition: u32, time: Timestamp) {
        if !self.in_flight.iter().any(|sent| sent.partition == partition) {
            metrics::counter!(name::TICKS_WRITTEN).increment(1);
            self.publish(partition, &Control::Tick { time });
        }
    }

    fn publish(&mut self, partition: u32, control: &Control) {
        let value = Bytes::from(control.to_json());
        let record = Outgoing { topic: Topic::Hits, partition: Some(partition), key: None, value, append_time: None };
        let is_settings = matches!(control, Control::Settings(_));
        self.in_flight.push(InFlight { partition, is_settings, publish: self.bus.publish(vec![record]) });
    }

    /// Drops the publishes that are through. An error means that the bus was away; settings are written again then.
    pub(crate) fn settle(&mut self) -> Result<(), BusError> {
        let mut result = Ok(());
        let settings_due = &mut self.settings_due;
        self.in_flight.retain_mut(|sent| match (&mut sent.publish).now_or_never() {
            None => true,
            Some(Ok(())) => false,
            Some(Err(error)) => {
                if sent.is_settings {
                    settings_due.insert(sent.partition, Instant::now() + AGAIN_AFTER);
                }
                result = Err(error);
                false
            }
        });
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bus::{Bounds, Bus, Group, Reader, Source, Worker};
    use events::{LogId, NextOffset};
    use futures::channel::oneshot;

    use super::*;

    /// A bus that answers a publish when it is told to.
    #[derive(Default)]
    struct Slow(Mutex<Vec<oneshot::Sender<Result<(), BusError>>>>);

    impl Slow {
        /// Refuses all that waits; how much that was.
        fn refuse(&self) -> usize {
            let waiting = std::mem::take(&mut *self.0.lock().unwrap());
            let count = waiting.len();
            for one in waiting {
                // Who does not wait any more need not hear of it.
                let _ = one.send(Err(BusError::Unavailable("nobody answers".to_owned())));
            }
            count
        }
    }

    impl Bus for Slow {
        fn publish(&self, _: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
            let (sender, receiver) = oneshot::channel();
            self.0.lock().unwrap().push(sender);
            receiver.map(|answer| answer.unwrap()).boxed()
        }

        fn partitions(&self) -> u32 {
            2
        }

        fn queued_bytes(&self) -> usize {
            0
        }

        fn log_id(&self) -> Result<LogId, BusError> {
            Err(BusError::Refused("not a part of this".to_owned()))
        }

        fn join(&self, _: Group) -> Result<Box<dyn Worker>, BusError> {
            Err(BusError::Refused("not a part of this".to_owned()))
        }

        fn read(&self, _: Source, _: NextOffset) -> Result<Box<dyn Reader>, BusError> {
            Err(BusError::Refused("not a part of this".to_owned()))
        }

        fn bounds(&self, _: Source) -> Result<Bounds, BusError> {
            Err(BusError::Refused("not a part of this".to_owned()))
        }
    }

    #[test]
    fn settings_are_written_again_where_they_were_not_taken_but_not_for_another_owner() {
        let bus = Arc::new(Slow::default());
        let mut controls = Controls::new(bus.clone());
        for partition in 0..2 {
            controls.want_settings(partition);
        }
        controls.send_settings(WindowSettings::default());
        controls.forget(1);
        assert_eq!(bus.refuse(), 2, "both were on their way");
        controls.settle().unwrap_err();
        assert_eq!(controls.settings_due.keys().collect::<Vec<_>>(), [&0], "1 belongs to another by now");
    }
}
