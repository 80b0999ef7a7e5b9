//! The test suite that every backend passes: what the rest of the pipeline takes for granted of a bus.
//!
//! A backend implements [`Backend`] in its tests and names every law by `bus::contract_tests!(crate::its_backend())`.
//! The laws know nothing of how offsets are counted (a log may use some up for itself), nor how long a group takes to
//! settle, within [`PATIENCE`].

#![allow(clippy::unwrap_used, reason = "these are tests, wherever they are compiled")]

pub mod members;
pub mod publishing;
pub mod steps;

use std::time::{Duration, Instant};

use bytes::Bytes;
use events::{NextOffset, Topic};
use futures::executor::block_on;

use crate::{Assignment, Group, Outgoing, Output, Polled, Record, SharedBus, Source, Step, Worker};

/// How long a law waits for what must happen. Only a failure takes this long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How many partitions the logs of the laws have.
pub const PARTITIONS: u32 = 4;

/// Makes logs for the laws.
pub trait Backend {
    /// A new, empty log with [`PARTITIONS`] partitions.
    fn make(&self) -> SharedBus;

    /// The same log as after a restart of the process: every handle is given up, and it is opened anew. Workers of
    /// the old handle are gone by then.
    fn restart(&self, bus: SharedBus) -> SharedBus;
}

/// Makes one `#[test]` of each law, for the backend that the expression makes.
#[macro_export]
macro_rules! contract_tests {
    ($backend:expr) => {
        $crate::contract_tests!(@laws $backend, publishing:
            records_of_a_partition_keep_their_order,
            concurrent_publishers_keep_their_own_order,
            one_call_reaches_every_topic_and_partition,
            a_key_chooses_the_partition_that_the_java_client_would,
            a_null_key_is_read_back_as_none,
            nothing_to_publish_is_fine,
            acknowledged_records_stand_after_a_restart,
            a_log_keeps_its_id_and_its_partitions,
            bounds_follow_what_is_published,
            a_reader_starts_where_it_is_told,
            a_reader_at_the_end_is_woken_by_a_publish,
            a_partition_that_does_not_exist_is_refused,
        );
        $crate::contract_tests!(@laws $backend, steps:
            a_step_moves_outputs_and_positions_together,
            a_step_that_is_never_committed_leaves_nothing,
            a_step_is_read_whole_or_not_at_all,
            a_group_goes_on_where_it_committed,
            groups_do_not_touch_each_other,
            seek_goes_before_the_committed_position,
            the_end_is_told_once_everything_was_handed_out,
            a_group_that_only_reads_commits_its_positions,
            a_compacted_topic_ends_with_the_newest_of_each_key,
            many_steps_and_many_publishers_mix_without_loss,
        );
        $crate::contract_tests!(@laws $backend, members:
            each_partition_belongs_to_one_member,
            a_group_of_two_topics_shares_out_both,
            a_member_that_leaves_hands_its_partitions_on,
            revoked_partitions_may_be_committed_until_the_next_poll,
            an_older_instance_is_fenced,
            a_worker_at_the_end_is_woken_by_a_publish,
            a_paused_partition_stays_assigned_and_silent,
        );
    };
    (@laws $backend:expr, $module:ident: $($law:ident,)*) => {
        mod $module {
            $(
                #[test]
                fn $law() {
                    $crate::contract::$module::$law(&$backend);
                }
            )*
        }
    };
}

/// A record for a partition.
fn to(source: Source, value: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        topic: source.topic,
        partition: Some(source.partition),
        key: Some(Bytes::from_static(b"example.org/v1")),
        value: value.into(),
        append_time: None,
    }
}

const fn hits(partition: u32) -> Source {
    Source { topic: Topic::Hits, partition }
}

const fn enriched(partition: u32) -> Source {
    Source { topic: Topic::HitsEnriched, partition }
}

fn publish(bus: &SharedBus, records: Vec<Outgoing>) {
    block_on(bus.publish(records)).expect("the bus takes records");
}

fn publish_values(bus: &SharedBus, source: Source, values: &[&'static str]) {
    publish(bus, values.iter().map(|&value| to(source, value)).collect());
}

/// Everything that a partition holds.
fn read_all(bus: &SharedBus, source: Source) -> Vec<Record> {
    let end = bus.bounds(source).expect("the partition has bounds").end;
    let mut reader = bus.read(source, NextOffset::START).expect("the partition can be read");
    let mut records = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while reader.position() < end {
        assert!(Instant::now() < deadline, "{source} cannot be read to its end at {end}");
        records.extend(reader.next(Duration::from_millis(200)).expect("the partition can be read"));
    }
    records
}

/// The position from which a record is the next one.
fn at(record: &Record) -> NextOffset {
    NextOffset(record.offset.0)
}

fn values(records: &[Record]) -> Vec<String> {
    let text = |record: &Record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned();
    records.iter().map(text).collect()
}

fn join(bus: &SharedBus, group: &str, instance: &str) -> Box<dyn Worker> {
    join_as(bus, group, Some(instance))
}

/// Joins without a name: when it leaves, the others get its partitions at once.
fn join_nameless(bus: &SharedBus, group: &str) -> Box<dyn Worker> {
    join_as(bus, group, None)
}

fn join_as(bus: &SharedBus, group: &str, instance: Option<&str>) -> Box<dyn Worker> {
    let instance = instance.map(str::to_owned);
    let group = Group { name: group.to_owned(), instance, topics: vec![Topic::Hits], produces: true };
    bus.join(group).expect("the group takes a member")
}

/// Polls until the law has what it waits for.
fn poll_until<T>(worker: &mut dyn Worker, mut look: impl FnMut(Polled) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let polled = worker.poll(Duration::from_millis(500)).expect("the member may poll");
        if let Some(found) = look(polled) {
            return found;
        }
        assert!(Instant::now() < deadline, "what was waited for did not come");
    }
}

/// The first assignment.
fn assigned(worker: &mut dyn Worker) -> Vec<Assignment> {
    poll_until(worker, |polled| match polled {
        Polled::Assigned(assigned) => Some(assigned),
        _ => None,
    })
}

/// The records that come, until there are as many as are waited for.
fn records(worker: &mut dyn Worker, count: usize) -> Vec<(Source, Record)> {
    let mut all = Vec::new();
    poll_until(worker, |polled| {
        if let Polled::Records { source, records, .. } = polled {
            all.extend(records.into_iter().map(|record| (source, record)));
        }
        (all.len() >= count).then_some(())
    });
    all
}

fn commit(worker: &mut dyn Worker, outputs: &[Output<'_>], positions: &[(Source, NextOffset)]) {
    worker.commit(Step { outputs, positions }).expect("the step is committed");
}

fn output(target: Source, value: &str) -> Output<'_> {
    Output { target, key: Some(b"example.org/v1"), value: Some(value.as_bytes()) }
}
