//! What topics, groups and transactions are called on the brokers.

use std::collections::HashMap;

use events::Topic;

use super::options::Options;
use crate::{BusError, Source};

/// The way out where topics of one log have got different numbers of partitions: Kafka takes none away, and a key has its place by
/// their number.
pub(super) const FIXED: &str =
    "the number of a log's partitions cannot be changed: drain the pipeline and go on under a new --topic-prefix";

/// The topics' names under one prefix, and back.
pub(super) struct Names {
    prefix: String,
    partitions: u32,
    topics: [String; Topic::ALL.len()],
    back: HashMap<String, Topic>,
}

impl Names {
    pub(super) fn new(options: &Options) -> Self {
        let Options { topic_prefix: prefix, named, partitions, .. } = options;
        let own_name = |topic| named.iter().find(|(one, _)| *one == topic).map(|(_, name)| name.clone());
        let topics = Topic::ALL.map(|topic| own_name(topic).unwrap_or_else(|| format!("{prefix}{}", topic.name())));
        let back = topics.iter().cloned().zip(Topic::ALL).collect();
        Self { prefix: prefix.clone(), partitions: *partitions, topics, back }
    }

    pub(super) fn topic(&self, topic: Topic) -> &str {
        &self.topics[Topic::ALL.iter().position(|one| *one == topic).expect("all are listed")]
    }

    pub(super) fn source(&self, topic: &str, partition: i32) -> Option<Source> {
        Some(Source { topic: *self.back.get(topic)?, partition: u32::try_from(partition).ok()? })
    }

    /// Anything else that belongs to this log: groups, and names of producers.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Refuses a partition that does not exist.
    pub(super) fn check(&self, source: Source) -> Result<(), BusError> {
        if source.partition < self.partitions {
            return Ok(());
        }
        Err(BusError::Refused(format!("there is no {source}: the log has {} partitions", self.partitions)))
    }

    /// What ends a member that is given a partition which the log did not have when it was opened.
    pub(super) fn check_given(&self, topic: &str, partition: i32) -> Result<(), BusError> {
        match self.source(topic, partition) {
            Some(source) if source.partition >= self.partitions => {
                let had = self.partitions;
                Err(BusError::Damaged(format!(
                    "topic {topic} has more than the log's {had} partitions by now; {FIXED}"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a record that must not stand in the log.
    pub(super) fn check_record(
        &self,
        source: Source,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        limit: usize,
    ) -> Result<(), BusError> {
        self.check(source)?;
        let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        if size > limit {
            return Err(BusError::TooLarge { size, limit });
        }
        match (source.topic.is_compacted(), key, value) {
            (true, None, _) => {
                Err(BusError::Refused(format!("{} keeps the newest of each key: a key is needed", source.topic)))
            }
            (false, _, None) => Err(BusError::Refused(format!("{} is not compacted: a value is needed", source.topic))),
            _ => Ok(()),
        }
    }
}
