//! Whether a topic that is there keeps the promises. What differs and harms nobody is let be.

use std::collections::HashMap;

use events::{NextOffset, Topic};
use rdkafka::metadata::MetadataPartition;

use super::super::client::BATCH_OVERHEAD;
use super::super::names::{FIXED, Names};
use super::super::options::{Options, Stamps};
use super::super::watcher::Watcher;
use super::{min_insync, retention_bytes, retention_ms};
use crate::{BusError, TOMBSTONES_KEPT};

/// A topic's settings by name.
pub(super) type Settings = HashMap<String, String>;

/// A state that is gone is not begun anew beside what it led to: the log would get another id, and every hit be written again.
pub(super) fn state(names: &Names, watcher: &Watcher, absent: &[Topic]) -> Result<(), BusError> {
    if !absent.contains(&Topic::SessionsOpen) || absent.contains(&Topic::HitsEnriched) {
        return Ok(());
    }
    let enriched = names.topic(Topic::HitsEnriched);
    let metadata = watcher.metadata(enriched)?;
    let partitions = metadata.topics().first().map_or(0, |found| found.partitions().len());
    for partition in 0..partitions as u32 {
        if watcher.bounds(enriched, partition)?.end > NextOffset::START {
            return Err(BusError::Refused(format!(
                "topic {} is gone, and with it the state that led to what stands in {enriched}: who starts anew would write every \
                 hit a second time; restore it from where it was mirrored, or go on under a new --topic-prefix",
                names.topic(Topic::SessionsOpen)
            )));
        }
    }
    Ok(())
}

/// All topics of a log have the same number of partitions. Another one for all may be meant; of several none can be.
pub(super) fn evenness(names: &Names, found: &[(Topic, &[MetadataPartition])]) -> Result<(), BusError> {
    let Some(((one, first), others)) = found.split_first() else { return Ok(()) };
    match others.iter().find(|(_, other)| other.len() != first.len()) {
        None => Ok(()),
        Some((other, more)) => Err(BusError::Refused(format!(
            "topic {} has {} partitions and {} has {}; {FIXED}",
            names.topic(*one),
            first.len(),
            names.topic(*other),
            more.len()
        ))),
    }
}

/// The number of partitions is fixed, and there are as many copies as the settings say, or more: how many.
pub(super) fn partitions(options: &Options, name: &str, found: &[MetadataPartition]) -> Result<usize, BusError> {
    let wanted = options.partitions as usize;
    if found.len() != wanted {
        return Err(BusError::Refused(format!(
            "topic {name} has {} partitions, not {wanted}: start with --partitions {0}, or drain the pipeline and go on \
             under a new --topic-prefix",
            found.len()
        )));
    }
    let copies = found.iter().map(|partition| partition.replicas().len()).min().unwrap_or_default();
    if copies < usize::from(options.replication_factor) {
        return Err(BusError::Refused(format!(
            "topic {name} has {copies} copies of each record, fewer than --replication-factor {}: add some with \
             kafka-reassign-partitions.sh, or start with --replication-factor {copies}",
            options.replication_factor
        )));
    }
    Ok(copies)
}

/// The settings that the promises stand on, of a topic with so many copies.
pub(super) fn settings(
    options: &Options,
    name: &str,
    topic: Topic,
    copies: usize,
    found: &Settings,
) -> Result<(), BusError> {
    let refuse = |why: &str, setting: &str| {
        Err(BusError::Refused(format!(
            "topic {name} {why}: run kafka-configs.sh --bootstrap-server {} --alter --topic {name} --add-config {setting}",
            options.brokers.join(",")
        )))
    };
    let text = |key: &str| found.get(key).map_or("", String::as_str);
    let number = |key: &str| found.get(key).and_then(|value| value.parse::<i64>().ok());

    match (options.stamps, text("message.timestamp.type")) {
        (Stamps::Broker, "LogAppendTime") | (Stamps::Record, "CreateTime") => {}
        (Stamps::Broker, _) => {
            return refuse(
                "carries its writers' times instead of the broker's",
                "message.timestamp.type=LogAppendTime",
            );
        }
        // Topics of a live log: to change those would be a mistake.
        (Stamps::Record, stamps) => {
            return Err(BusError::Refused(format!(
                "topic {name} is not one for a replay, whose records carry times of their own, but has \
                 message.timestamp.type={stamps}: name another --topic-prefix"
            )));
        }
    }
    let policy = text("cleanup.policy");
    if topic.is_compacted() {
        if policy != "compact" {
            return refuse(&format!("holds the state and has cleanup.policy={policy}"), "cleanup.policy=compact");
        }
        let wanted = TOMBSTONES_KEPT.as_millis();
        if let Some(found) = number("delete.retention.ms").filter(|found| *found < wanted) {
            let why = format!("forgets tombstones after {found} ms, while a sessionizer may still read what they end");
            return refuse(&why, &format!("delete.retention.ms={wanted}"));
        }
    } else {
        if policy != "delete" {
            return refuse(&format!("would lose records of a key by cleanup.policy={policy}"), "cleanup.policy=delete");
        }
        let is_short = |found: i64, wanted: i64| found >= 0 && (wanted < 0 || found < wanted);
        let bytes = retention_bytes(options, topic);
        if number("retention.bytes").is_some_and(|found| is_short(found, bytes)) {
            let why = format!(
                "keeps {} bytes of a partition and forgets what is older, read or not; start with --retention-bytes where \
                 that is wanted",
                text("retention.bytes")
            );
            return refuse(&why, &format!("retention.bytes={bytes}"));
        }
        let wanted = retention_ms(options, topic);
        if number("retention.ms").is_some_and(|found| is_short(found, wanted)) {
            let why = format!("keeps records for {} ms, less than wanted", text("retention.ms"));
            return refuse(&why, &format!("retention.ms={wanted}"));
        }
        if topic.kept_for().is_some() {
            forgets(wanted, number).or_else(|(why, setting)| refuse(why, &setting))?;
        }
    }
    let in_sync = i64::from(min_insync(options));
    if number("min.insync.replicas").is_some_and(|found| found < in_sync) {
        return refuse("acknowledges records that too few brokers have", &format!("min.insync.replicas={in_sync}"));
    }
    if number("min.insync.replicas").is_some_and(|found| found > copies as i64) {
        let why = format!("can take no record: of its {copies} copies {} must be in sync", text("min.insync.replicas"));
        return refuse(&why, &format!("min.insync.replicas={in_sync}"));
    }
    let largest = (options.limits.record + BATCH_OVERHEAD / 2) as i64;
    if number("max.message.bytes").is_some_and(|found| found < largest) {
        let size = options.limits.record + BATCH_OVERHEAD;
        return refuse("takes no records of the largest size", &format!("max.message.bytes={size}"));
    }
    Ok(())
}

/// What must be gone after a time is gone then, or not a day later.
fn forgets(wanted: i64, number: impl Fn(&str) -> Option<i64>) -> Result<(), (&'static str, String)> {
    if number("retention.ms").is_some_and(|found| !(0..=wanted).contains(&found)) {
        return Err(("keeps keys of days for more than two days", format!("retention.ms={wanted}")));
    }
    if number("segment.ms").is_some_and(|found| found > 12 * 60 * 60_000) {
        return Err((
            "keeps keys of several days in one segment, and so none of them goes",
            "segment.ms=3600000".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A topic as it is made, but for one setting.
    fn check_with(topic: Topic, key: &str, value: &str) -> Result<(), BusError> {
        let options = Options { replication_factor: 3, ..Options::at(vec!["b:9092".to_owned()], "p.") };
        let made = super::super::settings(&options, topic).into_iter();
        let mut found: Settings = made.map(|(key, value)| (key.to_owned(), value)).collect();
        found.insert(key.to_owned(), value.to_owned());
        settings(&options, &format!("p.{topic}"), topic, 3, &found)
    }

    fn check(in_sync: &str) -> Result<(), BusError> {
        check_with(Topic::Hits, "min.insync.replicas", in_sync)
    }

    #[test]
    fn what_forgets_by_size_is_refused_unless_that_is_wanted() {
        let said = check_with(Topic::Hits, "retention.bytes", "1000000").unwrap_err().to_string();
        assert!(said.contains("read or not") && said.contains("retention.bytes=-1") && !said.contains('\n'), "{said}");
        let options = Options { retention_bytes: Some(1_000_000), ..Options::at(vec!["b:9092".to_owned()], "p.") };
        let check = |bytes: &str| {
            let made = super::super::settings(&options, Topic::Hits).into_iter();
            let mut found: Settings = made.map(|(key, value)| (key.to_owned(), value)).collect();
            assert_eq!(found["retention.bytes"], "1000000");
            found.insert("retention.bytes".to_owned(), bytes.to_owned());
            settings(&options, "p.hits", Topic::Hits, 3, &found)
        };
        assert_eq!((check("1000000"), check("-1")), (Ok(()), Ok(())));
        assert!(check("999999").unwrap_err().to_string().contains("retention.bytes=1000000"));
        assert_eq!(check_with(Topic::Salts, "retention.bytes", "-1"), Ok(()));
    }

    #[test]
    fn keys_of_days_go_in_time() {
        let check = |key, value| check_with(Topic::Salts, key, value);
        assert_eq!(check("retention.ms", "172800000"), Ok(()));
        for (key, value) in [("retention.ms", "172800001"), ("retention.ms", "-1"), ("segment.ms", "604800000")] {
            let said = check(key, value).unwrap_err().to_string();
            assert!(said.starts_with("topic p.salts keeps keys ") && said.contains(key), "{said}");
        }
        assert!(check("retention.ms", "3600000").unwrap_err().to_string().contains("less than wanted"));
        assert_eq!(check_with(Topic::Hits, "retention.ms", "-1"), Ok(()), "what is no secret may be kept");
    }

    #[test]
    fn tombstones_stay_for_as_long_as_a_restore_may_take() {
        let check = |ms| check_with(Topic::SessionsOpen, "delete.retention.ms", ms);
        assert_eq!((check("900000"), check("86400000")), (Ok(()), Ok(())));
        let said = check("899999").unwrap_err().to_string();
        assert!(said.contains("after 899999 ms") && !said.contains('\n'), "{said}");
        assert!(said.ends_with("--alter --topic p.sessions.open --add-config delete.retention.ms=900000"), "{said}");
    }

    #[test]
    fn all_copies_but_one_must_be_in_sync_or_all_of_them() {
        assert_eq!((check("2"), check("3")), (Ok(()), Ok(())));
        let refused = |in_sync| check(in_sync).unwrap_err().to_string();
        assert!(refused("1").contains("acknowledges records that too few brokers have"), "{}", refused("1"));
        assert!(refused("4").contains("of its 3 copies 4 must be in sync"), "{}", refused("4"));
        assert!(
            refused("1").ends_with("--alter --topic p.hits --add-config min.insync.replicas=2"),
            "{}",
            refused("1")
        );
    }
}
