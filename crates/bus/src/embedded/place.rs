//! Where a record's row stands in the file.

use events::{NextOffset, Offset, Topic};

use crate::{BusError, Source};

const OFFSET_BITS: u32 = 44;
const PARTITION_BITS: u32 = 12;

/// The most partitions that row ids have room for.
pub(super) const MAX_PARTITIONS: u32 = 1 << PARTITION_BITS;

/// The number of a topic in the file. These are part of the format and never change.
pub(super) const fn topic_code(topic: Topic) -> i64 {
    match topic {
        Topic::Hits => 0,
        Topic::Rejected => 1,
        Topic::HitsEnriched => 2,
        Topic::Sessions => 3,
        Topic::SessionsOpen => 4,
        Topic::Late => 5,
        Topic::Salts => 6,
    }
}

/// The topic of a number in the file.
pub(super) fn topic_of(code: i64) -> Option<Topic> {
    Topic::ALL.into_iter().find(|&topic| topic_code(topic) == code)
}

/// The number that stands for a topic's partition in the file.
pub(super) const fn place(source: Source) -> i64 {
    (topic_code(source.topic) << PARTITION_BITS) | source.partition as i64
}

/// The source of a number in the file.
pub(super) fn source_of(place: i64) -> Option<Source> {
    let topic = topic_of(place >> PARTITION_BITS)?;
    Some(Source { topic, partition: (place & (MAX_PARTITIONS as i64 - 1)) as u32 })
}

/// The row id of an offset: place and offset in one integer, so that a partition is one run of the table and a
/// position is found by one descent.
pub(super) const fn row_id(source: Source, offset: NextOffset) -> i64 {
    (place(source) << OFFSET_BITS) | offset.0
}

/// The row id behind all those of a source.
pub(super) const fn row_limit(source: Source) -> i64 {
    (place(source) + 1) << OFFSET_BITS
}

/// The offset in a row id.
pub(super) const fn offset_in(row_id: i64) -> Offset {
    Offset(row_id & ((1 << OFFSET_BITS) - 1))
}

/// The index of a source in a list of all sources, topic by topic.
pub(super) const fn index(source: Source, partitions: u32) -> usize {
    topic_code(source.topic) as usize * partitions as usize + source.partition as usize
}

/// Every source of a log, in the order of [`index`].
pub(super) fn all_sources(partitions: u32) -> impl Iterator<Item = Source> {
    Topic::ALL.into_iter().flat_map(move |topic| (0..partitions).map(move |partition| Source { topic, partition }))
}

/// Refuses a partition that the log does not have.
pub(super) fn check(source: Source, partitions: u32) -> Result<(), BusError> {
    if source.partition < partitions {
        Ok(())
    } else {
        Err(BusError::Refused(format!("there is no {source}: this log has {partitions} partitions")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sources_are_listed_in_the_order_of_their_index() {
        for (at, source) in all_sources(3).enumerate() {
            assert_eq!(index(source, 3), at);
            assert_eq!(source_of(place(source)), Some(source));
        }
    }

    proptest! {
        #[test]
        fn row_ids_sort_by_source_then_offset(
            a in (0usize..7, 0..MAX_PARTITIONS, 0i64..1 << OFFSET_BITS),
            b in (0usize..7, 0..MAX_PARTITIONS, 0i64..1 << OFFSET_BITS),
        ) {
            let id = |(topic, partition, offset): (usize, u32, i64)| {
                row_id(Source { topic: Topic::ALL[topic], partition }, NextOffset(offset))
            };
            prop_assert_eq!(a.cmp(&b), id(a).cmp(&id(b)));
            prop_assert_eq!(offset_in(id(a)), Offset(a.2));
        }
    }
}
