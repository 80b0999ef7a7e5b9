//! What librdkafka calls back about a group, noted for the worker's next poll. Nothing is decided here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::client::Log;
use super::options::Options;

/// A change of what belongs to this member. The group waits until it is answered by an (un)assign.
pub(super) enum Change {
    /// These come.
    Assign(TopicPartitionList),
    /// These go.
    Revoke(TopicPartitionList),
}

pub(super) struct Context {
    pub(super) log: Log,
    pub(super) signal: Arc<Signal>,
    changes: Mutex<VecDeque<Change>>,
    is_closing: AtomicBool,
    has_missed_a_session: AtomicBool,
}

impl Context {
    pub(super) fn new(options: &Options) -> Self {
        let (is_closing, has_missed_a_session) = (AtomicBool::new(false), AtomicBool::new(false));
        Self {
            log: Log::of_an_open_bus(options),
            signal: Arc::default(),
            changes: Mutex::default(),
            is_closing,
            has_missed_a_session,
        }
    }

    /// Whether no coordinator answered for a session, and nothing was assigned since. librdkafka then forgets its member id and
    /// goes on sending heartbeats: a coordinator that came back and still knows the member takes those of one with an instance
    /// name for another process's, and fences it.
    pub(super) fn has_missed_a_session(&self) -> bool {
        self.has_missed_a_session.load(Ordering::Acquire)
    }

    pub(super) fn next_change(&self) -> Option<Change> {
        self.changes.lock().expect("nobody panics while holding the changes").pop_front()
    }

    /// From now on nobody polls: what goes is given back at once.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.log.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "SESSTMOUT" {
            self.has_missed_a_session.store(true, Ordering::Release);
        }
        self.log.line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, change: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let is_assign = change == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if is_assign {
            self.has_missed_a_session.store(false, Ordering::Release);
        }
        if self.is_closing.load(Ordering::Acquire) {
            // Closing waits for this answer.
            let answered = match is_assign {
                true => consumer.incremental_assign(&TopicPartitionList::new()),
                false => consumer.incremental_unassign(list),
            };
            if answered.is_err() {
                drop(consumer.unassign());
            }
            return;
        }
        let change = if is_assign { Change::Assign(list.clone()) } else { Change::Revoke(list.clone()) };
        self.changes.lock().expect("nobody panics while holding the changes").push_back(change);
    }
}

/// Wakes the worker when any of its queues has something.
#[derive(Default)]
pub(super) struct Signal {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    pub(super) fn set(&self) {
        *self.is_set.lock().expect("nobody panics while holding a flag") = true;
        self.changed.notify_one();
    }

    pub(super) fn clear(&self) {
        *self.is_set.lock().expect("nobody panics while holding a flag") = false;
    }

    pub(super) fn wait(&self, timeout: Duration) {
        let is_set = self.is_set.lock().expect("nobody panics while holding a flag");
        drop(self.changed.wait_timeout_while(is_set, timeout, |is_set| !*is_set));
    }
}
