//! Asks the brokers how things stand: who is there, and where partitions begin and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use events::NextOffset;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::metadata::Metadata;

use super::client::{self, Log};
use super::error;
use super::options::{Limits, Options};
use super::stop::Stop;
use crate::{Bounds, BusError};

/// How often a question is asked anew until its time is over.
const SLICE: Duration = Duration::from_secs(1);

/// A client that reads uncommitted: its end of a partition is the high watermark and not the last stable offset.
pub(super) struct Watcher {
    client: Arc<BaseConsumer<Log>>,
    limits: Limits,
    stop: Stop,
    is_over: Arc<AtomicBool>,
    /// Serves the client's log and errors, which would pile up in memory else.
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(super) fn new(options: &Options) -> Result<Self, BusError> {
        let mut config: ClientConfig = client::base(options);
        config
            .set("isolation.level", "read_uncommitted")
            .set("allow.auto.create.topics", "false")
            // A port that speaks TLS where we do not hangs up, and says no more.
            .set("log.connection.close", "true");
        // Without a group there is nothing to join, and polling serves the log alone.
        config.remove("group.id");
        let client: BaseConsumer<Log> =
            config.create_with_context(Log::new(options)).map_err(|error| client::bad_settings(&error))?;
        let client = Arc::new(client);
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("kafka watcher".to_owned()).spawn({
            let (client, is_over) = (client.clone(), is_over.clone());
            move || {
                while !is_over.load(Ordering::Acquire) {
                    drop(client.poll(Duration::from_millis(100)));
                }
            }
        });
        let thread = thread.map_err(|error| BusError::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(Self { client, limits: options.limits, stop: options.stop.clone(), is_over, thread: Some(thread) })
    }

    /// Waits for the first answer of a broker. Gives up at once where trying again is in vain.
    pub(super) fn connect(&self, brokers: &[String]) -> Result<(), BusError> {
        let deadline = Instant::now() + self.limits.connect;
        let what = || format!("no connection to {}", brokers.join(","));
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.client.client().fetch_cluster_id(left.min(Duration::from_millis(250))) {
                Some(_) => {
                    self.client.context().forget_errors();
                    return Ok(());
                }
                None => match self.client.context().last() {
                    Some((code, reason)) if error::is_final(code) => {
                        return Err(error::refused(code, format!("{}: {reason}", what())));
                    }
                    // A broker that stops hangs up, too; it does so once.
                    Some((_, reason)) if left.is_zero() && client::is_hang_up(&reason) => {
                        return Err(error::refused(Code::SSL, format!("{}: {reason}", what())));
                    }
                    _ if left.is_zero() || self.stop.is_set() => return Err(self.client.context().timed_out(&what())),
                    _ => {}
                },
            }
        }
    }

    /// What the brokers know of a topic.
    pub(super) fn metadata(&self, topic: &str) -> Result<Metadata, BusError> {
        self.ask(&format!("topic {topic}"), |wait| self.client.fetch_metadata(Some(topic), wait))
    }

    /// Where a partition begins and ends.
    pub(super) fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, BusError> {
        let ask = |wait| self.client.fetch_watermarks(topic, partition as i32, wait);
        let (start, end) = self.ask(&format!("the bounds of {topic}/{partition}"), ask)?;
        Ok(Bounds { start: NextOffset(start), end: NextOffset(end) })
    }

    /// Whether any broker answers within a second; else what was heard last.
    pub(super) fn answers(&self, topic: &str) -> Result<(), String> {
        match self.client.fetch_metadata(Some(topic), SLICE) {
            Ok(_) => {
                self.client.context().forget_errors();
                Ok(())
            }
            Err(error) => Err(match (self.client.context().last(), error.rdkafka_error_code()) {
                (Some((_, reason)), Some(Code::OperationTimedOut | Code::BrokerTransportFailure)) => reason,
                _ => error::one_line(&error.to_string()),
            }),
        }
    }

    /// What each member of a group has, in the consumers' own format. `None` while the group is being put together, and where
    /// not every broker answers.
    pub(super) fn assignments(&self, group: &str) -> Option<Vec<Vec<u8>>> {
        let list = self.client.fetch_group_list(Some(group), SLICE).ok()?;
        let found = list.groups().iter().find(|one| one.name() == group && one.state() == "Stable")?;
        Some(found.members().iter().map(|member| member.assignment().unwrap_or_default().to_vec()).collect())
    }

    fn ask<T>(&self, what: &str, ask: impl Fn(Duration) -> rdkafka::error::KafkaResult<T>) -> Result<T, BusError> {
        let patience = self.stop.patience(self.limits.request.min(Duration::from_secs(10)));
        loop {
            match ask(SLICE) {
                Ok(answer) => {
                    self.client.context().forget_errors();
                    return Ok(answer);
                }
                Err(error) if !patience.is_over() && may_pass(&error) => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) if error.rdkafka_error_code() == Some(Code::OperationTimedOut) => {
                    return Err(self.client.context().timed_out(what));
                }
                Err(error) => return Err(error::of(what, &error)),
            }
        }
    }
}

/// A leader that moves, a topic that is on its way, a broker that is busy or away.
fn may_pass(error: &rdkafka::error::KafkaError) -> bool {
    error.rdkafka_error_code().is_none_or(|code| !error::is_final(code))
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
