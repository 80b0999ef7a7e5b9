//! Topics that are absent, made; and what a person runs to make one.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use events::Topic;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::super::client::Log;
use super::super::error;
use super::super::names::Names;
use super::super::options::Options;
use super::super::watcher::Watcher;
use super::{admin_options, settings};
use crate::BusError;

/// Makes these, and says which of them it was that made: another process may have been first.
pub(super) fn create(
    options: &Options,
    names: &Names,
    watcher: &Watcher,
    admin: &AdminClient<Log>,
    absent: &[Topic],
) -> Result<Vec<Topic>, BusError> {
    let all: Vec<_> = absent.iter().map(|topic| (names.topic(*topic), settings(options, *topic))).collect();
    let new: Vec<_> = all
        .iter()
        .map(|(name, settings)| {
            let copies = TopicReplication::Fixed(i32::from(options.replication_factor));
            let new = NewTopic::new(name, options.partitions as i32, copies);
            settings.iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let named = |name: &str| absent.iter().find(|topic| names.topic(**topic) == name).copied();
    let mut made = Vec::with_capacity(absent.len());
    let results = block_on(admin.create_topics(&new, &admin_options(options)));
    for result in results.map_err(|error| error::of("topics cannot be created", &error))? {
        match result {
            Ok(name) => {
                tracing::info!(topic = name, partitions = options.partitions, "created");
                made.extend(named(&name));
            }
            // Another process was first, with other settings perhaps: it is checked like any that was there.
            Err((_, Code::TopicAlreadyExists)) => {}
            Err((name, Code::InvalidReplicationFactor)) => {
                let brokers = watcher.metadata(&name)?.brokers().len();
                let are = if brokers == 1 { "is 1 broker" } else { &format!("are {brokers} brokers") };
                return Err(BusError::Refused(format!(
                    "topic {name} cannot be created with {} copies of each record: there {are}; start more of them, or say \
                     --replication-factor {brokers}",
                    options.replication_factor
                )));
            }
            Err((name, code)) => {
                let topic = named(&name).unwrap_or(absent[0]);
                return Err(BusError::Refused(format!(
                    "topic {name} cannot be created: {code}; somebody who may can run: {}",
                    command(options, names, topic)
                )));
            }
        }
    }
    Ok(made)
}

/// A topic that was made a moment ago has leaders a moment later. One that was `made` here has as many partitions as it was made with;
/// how many another process made is for the check to say.
pub(super) fn await_leaders(
    options: &Options,
    names: &Names,
    watcher: &Watcher,
    made: &[Topic],
) -> Result<(), BusError> {
    let deadline = Instant::now() + options.limits.connect;
    let mut waiting: BTreeSet<_> = Topic::ALL.into_iter().collect();
    loop {
        for topic in waiting.clone() {
            let metadata = watcher.metadata(names.topic(topic))?;
            let least = if made.contains(&topic) { options.partitions as usize } else { 1 };
            let is_led = metadata.topics().first().is_some_and(|found| {
                found.partitions().len() >= least && found.partitions().iter().all(|partition| partition.leader() >= 0)
            });
            if is_led {
                waiting.remove(&topic);
            }
        }
        match waiting.first() {
            None => return Ok(()),
            Some(topic) if Instant::now() >= deadline => {
                return Err(BusError::Unavailable(format!("topic {} has no leaders yet", names.topic(*topic))));
            }
            Some(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// What a person runs to make a topic.
pub(super) fn command(options: &Options, names: &Names, topic: Topic) -> String {
    let configs: Vec<_> =
        settings(options, topic).iter().map(|(key, value)| format!("--config {key}={value}")).collect();
    format!(
        "kafka-topics.sh --bootstrap-server {} --create --topic {} --partitions {} --replication-factor {} {}",
        options.brokers.join(","),
        names.topic(topic),
        options.partitions,
        options.replication_factor,
        configs.join(" ")
    )
}
