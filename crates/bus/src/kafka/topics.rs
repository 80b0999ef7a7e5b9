//! The topics: made where they are absent, looked at where they are there. Each refusal is one line that says what to run.

mod check;
mod create;

use std::time::{Duration, Instant};

use events::Topic;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::RDKafkaRespErr;

use super::client::{self, BATCH_OVERHEAD, Log};
use super::error;
use super::names::Names;
use super::oauth;
use super::options::{Options, Stamps};
use super::watcher::Watcher;
use crate::{BusError, TOMBSTONES_KEPT};

/// Makes what is absent, if that is wished, and checks what is there.
pub(super) fn open(options: &Options, names: &Names, watcher: &Watcher) -> Result<(), BusError> {
    let admin: AdminClient<Log> =
        client::base(options).create_with_context(Log::new(options)).map_err(|error| client::bad_settings(&error))?;
    // Nobody polls this client, which is how the others come to their tokens; it is needed for a moment alone.
    if let Some(tokens) = options.properties.tokens() {
        let token = tokens.get().map_err(BusError::from)?;
        oauth::native::give(admin.inner(), &token).map_err(BusError::Refused)?;
    }
    // Who only looks never looks at salts, and need not be allowed to.
    let topics = || Topic::ALL.into_iter().filter(|topic| !options.reads_only || topic.is_shown());
    let absent = absent(topics(), names, watcher)?;
    let mut made = Vec::new();
    if !absent.is_empty() {
        if options.reads_only {
            let prefix = names.named("");
            return Err(BusError::Refused(match absent.len() == topics().count() {
                true => format!(
                    "there is no topic {} on these brokers, nor any other of a log under --topic-prefix {prefix}: is the \
                     prefix right?",
                    names.topic(absent[0])
                ),
                false => {
                    let names: Vec<_> = absent.iter().map(|topic| names.topic(*topic)).collect();
                    format!("of the log under --topic-prefix {prefix} these topics are not there: {}", names.join(", "))
                }
            }));
        }
        check::state(names, watcher, &absent)?;
        if !options.create_topics {
            let lines: Vec<_> = absent.iter().map(|topic| names.topic(*topic)).collect();
            return Err(BusError::Refused(format!(
                "these topics are not there, and --create-topics is off: {}; make one with: {}",
                lines.join(", "),
                create::command(options, names, absent[0]),
            )));
        }
        made = create::create(options, names, watcher, &admin, &absent)?;
        create::await_leaders(options, names, watcher, &made)?;
    }
    let metadata: Vec<_> =
        topics().map(|topic| watcher.metadata(names.topic(topic))).collect::<Result<_, BusError>>()?;
    let of_each = metadata.iter().map(|found| found.topics().first().map_or(&[][..], MetadataTopic::partitions));
    let found: Vec<_> = topics().zip(of_each).collect();
    check::evenness(names, &found)?;
    // What was made here a moment ago is what it should be; what another process made need not be.
    let present: Vec<_> = found.into_iter().filter(|(topic, _)| !made.contains(topic)).collect();
    let mut copies = Vec::with_capacity(present.len());
    for (topic, partitions) in &present {
        copies.push(check::partitions(options, names.topic(*topic), partitions)?);
    }
    if options.reads_only {
        return Ok(());
    }
    let present: Vec<_> = present.into_iter().map(|(topic, _)| topic).collect();
    let configs = describe(options, names, &admin, &present)?;
    let found = configs.iter().zip(copies);
    found.into_iter().try_for_each(|((topic, settings), copies)| {
        check::settings(options, names.topic(*topic), *topic, copies, settings)
    })
}

fn absent(topics: impl Iterator<Item = Topic>, names: &Names, watcher: &Watcher) -> Result<Vec<Topic>, BusError> {
    let mut absent = Vec::new();
    for topic in topics {
        let name = names.topic(topic);
        let metadata = watcher.metadata(name)?;
        match metadata.topics().first().and_then(MetadataTopic::error) {
            None => {}
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => absent.push(topic),
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) => {
                return Err(BusError::Refused(format!(
                    "no right to look at topic {name}: allow this user DESCRIBE, READ and WRITE with kafka-acls.sh \
                     --add --operation All --topic {} --resource-pattern-type prefixed",
                    names.named("")
                )));
            }
            // A leader is being chosen: it is there.
            Some(_) => {}
        }
    }
    Ok(absent)
}

/// What a topic is made with, and checked for.
fn settings(options: &Options, topic: Topic) -> Vec<(&'static str, String)> {
    let stamps = match options.stamps {
        Stamps::Broker => "LogAppendTime",
        Stamps::Record => "CreateTime",
    };
    let mut settings = vec![
        ("message.timestamp.type", stamps.to_owned()),
        ("min.insync.replicas", min_insync(options).to_string()),
        ("max.message.bytes", (options.limits.record + BATCH_OVERHEAD).to_string()),
    ];
    if topic.is_compacted() {
        settings.extend([
            ("cleanup.policy", "compact".to_owned()),
            // What is superseded goes soon, so that a restore reads little more than what is live: segments are small,
            // and none stays dirty for longer than the time that tombstones are kept for.
            ("segment.bytes", (64 << 20).to_string()),
            ("segment.ms", (10 * 60_000).to_string()),
            ("min.cleanable.dirty.ratio", "0.3".to_owned()),
            ("max.compaction.lag.ms", (15 * 60_000).to_string()),
            ("delete.retention.ms", TOMBSTONES_KEPT.as_millis().to_string()),
        ]);
    } else {
        settings.extend([
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", retention_ms(options, topic).to_string()),
            ("retention.bytes", retention_bytes(options, topic).to_string()),
        ]);
        if topic.kept_for().is_some() {
            // A segment goes when its last record is old enough, so that each day's record must have one of its own.
            settings.push(("segment.ms", (60 * 60_000).to_string()));
        }
    }
    settings
}

/// One copy less than there are, so that one broker may be away; never none.
fn min_insync(options: &Options) -> u16 {
    options.replication_factor.saturating_sub(1).max(1)
}

/// -1: for good.
fn retention_ms(options: &Options, topic: Topic) -> i64 {
    match (topic.kept_for(), options.stamps, options.retention) {
        (Some(age), ..) | (None, Stamps::Broker, Some(age)) => age.as_millis(),
        (None, Stamps::Broker, None) | (None, Stamps::Record, _) => -1,
    }
}

/// -1: no bound. What is kept for a time of its own is small, and whoever needs it needs all of it.
fn retention_bytes(options: &Options, topic: Topic) -> i64 {
    match (topic.kept_for(), options.retention_bytes) {
        (None, Some(bytes)) => i64::try_from(bytes).unwrap_or(i64::MAX),
        (Some(_), _) | (None, None) => -1,
    }
}

/// The settings that topics have.
fn describe(
    options: &Options,
    names: &Names,
    admin: &AdminClient<Log>,
    topics: &[Topic],
) -> Result<Vec<(Topic, check::Settings)>, BusError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(names.topic(*topic))).collect();
    let what = "the topics' settings cannot be read";
    // A broker hears of a topic that another process made a moment ago a moment later.
    let deadline = Instant::now() + options.limits.connect;
    let is_unheard_of = |result: &Result<ConfigResource, Code>| {
        matches!(result, Err(Code::UnknownTopicOrPartition | Code::UnknownTopic))
    };
    let results = loop {
        let results = block_on(admin.describe_configs(&asked, &admin_options(options)));
        let results = results.map_err(|error| error::of(what, &error))?;
        if !results.iter().any(is_unheard_of) || Instant::now() >= deadline {
            break results;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut described = Vec::with_capacity(topics.len());
    for (topic, result) in topics.iter().zip(results) {
        let found = result.map_err(|code| match error::is_final(code) {
            true => BusError::Refused(format!("{what}: {code}")),
            false => BusError::Unavailable(format!("{what}: {code}")),
        })?;
        let entries = found.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?)));
        described.push((*topic, entries.collect()));
    }
    Ok(described)
}

fn admin_options(options: &Options) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(options.limits.request)).operation_timeout(Some(options.limits.request))
}
