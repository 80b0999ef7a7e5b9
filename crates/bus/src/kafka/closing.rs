//! Clients that are closed within a bounded time.
//!
//! Closing a client of librdkafka asks the brokers and joins threads, and waits for both without a bound. Nobody who stops may
//! hang on that; what takes too long goes on by itself, and ends with the process at the latest.

use std::ops::Deref;
use std::sync::mpsc;
use std::time::Duration;

use super::stop::Stop;

/// How long somebody waits for a client to say goodbye,
const PATIENCE: Duration = Duration::from_secs(5);

/// who wants to end,
const AT_THE_END: Duration = Duration::from_secs(2);

/// and who has waited in vain for an answer before.
const IN_VAIN: Duration = Duration::from_millis(200);

/// A client that is dropped on a thread of its own.
pub(super) struct Closing<T: Send + 'static> {
    client: Option<T>,
    /// Who waits for its end, if anybody.
    awaited: Option<Stop>,
}

impl<T: Send + 'static> Closing<T> {
    /// Its end is waited for, so that the brokers have heard of it: the others of a group go on at once then.
    pub(super) fn awaited(client: T, stop: &Stop) -> Self {
        Self { client: Some(client), awaited: Some(stop.clone()) }
    }

    /// Nobody depends on its end.
    pub(super) fn left_alone(client: T) -> Self {
        Self { client: Some(client), awaited: None }
    }
}

impl<T: Send + 'static> Deref for Closing<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.client.as_ref().expect("it is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Closing<T> {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let (sender, receiver) = mpsc::sync_channel(1);
        let close = move || {
            drop(client);
            // Nobody may be waiting any more.
            let _ = sender.send(());
        };
        // Without a thread it was closed here: what was to be moved there is dropped.
        let is_on_its_way = std::thread::Builder::new().name("kafka closing".to_owned()).spawn(close).is_ok();
        let Some(stop) = self.awaited.as_ref().filter(|_| is_on_its_way) else { return };
        let patience = match (stop.is_set(), stop.is_in_vain()) {
            (_, true) => IN_VAIN,
            (true, false) => AT_THE_END,
            (false, false) => PATIENCE,
        };
        if receiver.recv_timeout(patience).is_err() {
            tracing::warn!("a Kafka client does not close within {patience:?}; going on without it");
        }
    }
}
