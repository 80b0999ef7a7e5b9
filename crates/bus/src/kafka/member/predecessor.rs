//! Positions that a predecessor's transaction hides.
//!
//! Who is given a partition asks for its committed position and waits for a transaction that is about it (`UNSTABLE_OFFSET_COMMIT`).
//! Mostly the broker ends it when its time is over. But a broker that is killed right behind a transaction can lose the mark at
//! its end, and then the group's coordinator waits for ever. That much time has passed proves nothing: a frozen owner may wake,
//! and a coordinator that comes back may let it commit. So:
//!
//! - An owner signs. Before its first transaction about a position it commits the position that it found, outside of any
//!   transaction and under its generation of the group, with the name of its transactions beside it. Later ones carry the name
//!   too. So the last name that is committed is that of the only one whose transactions may still be open.
//! - Who waits in vain takes that name for itself, as its owner would at a new start. The coordinator agrees once everything
//!   under the name is ended and all marks are written, and from then on its older holders can commit nothing.
//! - So what stands in the topics is all that will ever come of it, and a position that still cannot be read is one whose mark
//!   was lost. The one before it is handed out then. Whoever writes its position with its outputs, as the sessionizer does, knows
//!   better; the group's own is for show.
//!
//! Where nobody has signed, nothing is known, and a person must look: the error says with which commands.

use std::collections::{BTreeMap, BTreeSet};

use events::NextOffset;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::client::{self, Log};
use super::super::names::Names;
use super::super::options::Options;
use super::super::transaction::{Failure, Transactions};
use super::super::watcher::Watcher;
use super::{ANSWER, Member};
use crate::{Assignment, BusError, Source};

/// Where the brokers keep what groups commit, and how many partitions that has where nobody has changed it.
const OFFSETS: &str = "__consumer_offsets";
const OFFSETS_PARTITIONS: usize = 50;

/// What is committed of one source.
pub(super) struct Committed {
    pub(super) source: Source,
    pub(super) position: Option<NextOffset>,
    signature: String,
}

impl From<Committed> for Assignment {
    fn from(Committed { source, position, .. }: Committed) -> Self {
        Self { source, committed: position }
    }
}

/// Asks once. A source whose position is hidden is an error of all of them: librdkafka may also tell it by that one alone.
pub(super) fn ask<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    names: &Names,
    list: TopicPartitionList,
) -> KafkaResult<Vec<Committed>> {
    let list = consumer.committed_offsets(list, ANSWER)?;
    let mut all = Vec::with_capacity(list.count());
    for element in list.elements() {
        element.error()?;
        let position = if let Offset::Offset(offset) = element.offset() { Some(NextOffset(offset)) } else { None };
        let signature = element.metadata().to_owned();
        all.extend(names.source(element.topic(), element.partition()).map(|source| Committed {
            source,
            position,
            signature,
        }));
    }
    Ok(all)
}

impl Member {
    /// Signs those of the positions that this member has not signed yet.
    pub(super) fn sign(&self, list: &TopicPartitionList) -> Result<(), Failure> {
        if self.unsigned.is_empty() {
            return Ok(());
        }
        let mut signed = TopicPartitionList::new();
        for source in self.sources_of(list) {
            let position = match self.unsigned.get(&source) {
                None => continue,
                Some(Some(found)) => *found,
                // Where reading starts that nothing was committed of.
                Some(None) => {
                    let topic = self.shared.names.topic(source.topic);
                    self.shared.watcher.bounds(topic, source.partition).map_err(Failure::Final)?.start
                }
            };
            self.add(&mut signed, source, position).map_err(Failure::Final)?;
        }
        if signed.count() == 0 { Ok(()) } else { self.try_positions(signed) }
    }

    /// The positions of sources of which some could not be read for longer than a transaction lives, and why.
    pub(super) fn behind_a_predecessor(&self, sources: &[Source], why: BusError) -> Result<Vec<Assignment>, BusError> {
        let (Some(own), shared) = (&self.signature, &self.shared) else { return Err(why) };
        let ask_stable = |sources: &[Source]| ask(&self.consumer, &shared.names, self.list(sources));
        // The owners of those that can be read are let be.
        let (mut all, mut hidden) = (Vec::new(), Vec::new());
        for source in sources {
            match ask_stable(&[*source]) {
                Ok(committed) => all.extend(committed),
                Err(_) => hidden.push(*source),
            }
        }
        let group = shared.names.named(&self.group.name);
        let client = unstable_client(&shared.options, &group)?;
        // Who cannot read these either has another trouble.
        let Ok(before) = ask(&client, &shared.names, self.list(&hidden)) else { return Err(why) };
        let mut owners = BTreeSet::new();
        for Committed { source, position, signature } in &before {
            let is_ours = signature.strip_prefix(&group).is_some_and(|rest| rest.starts_with('.'));
            if position.is_none() || !is_ours {
                let by_hand = by_hand(&shared.options, &shared.watcher, &group);
                return Err(BusError::Unavailable(format!(
                    "a transaction of nobody known hides the position of the group {group} in {source}; {by_hand}"
                )));
            }
            owners.insert(signature.as_str());
        }
        for owner in owners.iter().filter(|owner| **owner != own.as_str()) {
            tracing::warn!(owner, "positions wait for a transaction of this name that has no end; ending it");
            drop(Transactions::new(&shared.options, owner)?);
        }
        if let Ok(committed) = ask_stable(sources) {
            return Ok(committed.into_iter().map(Assignment::from).collect());
        }
        tracing::warn!(
            ?owners, sources = ?hidden.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "the broker has lost the end of a transaction that is over; going on from the positions before it. Until it is ended \
             by hand, whoever is given these partitions waits as long. {}",
            by_hand(&shared.options, &shared.watcher, &group)
        );
        all.extend(before);
        Ok(all.into_iter().map(Assignment::from).collect())
    }

    /// Notes what was found, for the signature.
    pub(super) fn note_unsigned(&mut self, assigned: &[Assignment]) {
        if self.signature.is_some() {
            self.unsigned.extend(assigned.iter().map(|new| (new.source, new.committed)));
        }
    }
}

/// What was found of the sources that a member has not signed yet.
pub(super) type Unsigned = BTreeMap<Source, Option<NextOffset>>;

/// A client of the group, not one of its members, that is told of positions as they are without what is open.
fn unstable_client(options: &Options, group: &str) -> Result<BaseConsumer<Log>, BusError> {
    let mut config = client::consumer(options);
    config.set("group.id", group).set("isolation.level", "read_uncommitted").remove("group.instance.id");
    config.create_with_context(Log::of_an_open_bus(options)).map_err(|error| client::bad_settings(&error))
}

/// What a person runs to end a transaction that hides the group's positions.
fn by_hand(options: &Options, watcher: &Watcher, group: &str) -> String {
    let partitions =
        watcher.metadata(OFFSETS).ok().and_then(|metadata| Some(metadata.topics().first()?.partitions().len()));
    let partition = offsets_partition(group, partitions.filter(|count| *count > 0).unwrap_or(OFFSETS_PARTITIONS));
    let tool = format!("kafka-transactions.sh --bootstrap-server {}", options.brokers.join(","));
    let place = format!("--topic {OFFSETS} --partition {partition}");
    format!(
        "`{tool} describe-producers {place}` names its CurrentTransactionStartOffset N, `{tool} abort {place} --start-offset N` \
         ends it"
    )
}

/// Where the brokers keep a group: Java's hash of its name.
fn offsets_partition(group: &str, partitions: usize) -> usize {
    let hash = group.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    // The one number without a positive counterpart counts as 0 there.
    hash.checked_abs().unwrap_or(0) as usize % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Java 17 says: `Math.abs("…".hashCode()) % 50`.
    #[test]
    fn a_group_is_kept_where_javas_hash_says() {
        assert_eq!(offsets_partition("a", 50), 47);
        assert_eq!(offsets_partition("polygenelubricants", 50), 0, "its hash is the smallest number there is");
        assert_eq!(offsets_partition("clickstream.sessionizer", 50), 18);
    }
}
