//! Runs that go on until they are told to stop.

use std::time::Duration;

use bus::Outgoing;
use events::{NextOffset, Span, Timestamp};
use lake::{Access, Lake, LakeError};
use lake_writer::{Config, Error, Flush};
use service::clock;
use tables::Table;

use crate::support::{World, all_kinds, eventually, hit, in_memory, log_id, patient};

#[test]
fn what_was_gathered_is_written_when_told_to_stop() {
    let (world, (_, lake)) = (World::new(), in_memory());
    let running = world.start(patient(), &lake);
    eventually("ready", || running.health.is_ready());
    world.publish(all_kinds(0..30));
    let summary = running.stop();
    assert!(summary.is_complete);
    for table in Table::ALL {
        assert_eq!(world.rows(&lake, table), 30, "{table}");
    }
}

#[test]
fn a_row_waits_no_longer_than_the_flush_interval() {
    let (world, (_, lake)) = (World::new(), in_memory());
    let flush = Flush::every(Duration::from_millis(20));
    let running = world.start(Config { flush, ..patient() }, &lake);
    for n in 0..3 {
        world.publish(all_kinds(n * 10..n * 10 + 10));
        eventually("rows", || world.rows_so_far(&lake, Table::Hits) as i64 >= n * 10 + 10);
    }
    running.stop();
    assert_eq!(world.rows(&lake, Table::Sessions), 30);
}

#[test]
fn batches_are_cut_when_all_together_take_more_memory_than_they_may() {
    let (world, (_, lake)) = (World::new(), in_memory());
    let running = world.start(Config { memory: 20_000, ..patient() }, &lake);
    world.publish(all_kinds(0..200));
    // 800 records of a few hundred bytes: all but what fits must be written, without a flush and without a stop.
    let written = || Table::ALL.into_iter().map(|table| world.rows_so_far(&lake, table)).sum::<u64>();
    eventually("rows", || written() > 700);
    running.stop();
    assert_eq!(Table::ALL.map(|table| world.rows(&lake, table)), [200; 4]);
}

/// Every batch that waits, gathers or is on its way counts, whatever its table and partition.
#[test]
fn all_batches_of_many_partitions_together_stay_within_the_memory() {
    const MEMORY: usize = 4 << 20;
    let (world, (_, lake)) = (World::with_partitions(32), in_memory());
    for n in 0..20 {
        world.publish(all_kinds(n * 1000..n * 1000 + 1000));
    }
    let running = world.start(Config { memory: MEMORY, ..patient() }, &lake);
    eventually("rows", || world.rows_so_far(&lake, Table::Hits) > 15_000);
    let summary = running.stop();
    assert_eq!(Table::ALL.map(|table| world.rows(&lake, table)), [20_000; 4]);
    // A poll hands over up to 1 MiB of up to 4096 records.
    let one_poll = (1 << 20) + 4096 * 256;
    let all: u64 = summary.tables.values().map(|written| written.rows).sum::<u64>() * 256;
    assert!(summary.most_bytes <= MEMORY + one_poll && all > 2 * summary.most_bytes as u64, "{summary:?}");
    assert!(summary.most_bytes > MEMORY / 4, "{summary:?}");
}

#[test]
fn a_restart_goes_on_where_the_chain_ends() {
    let (world, (_, lake)) = (World::new(), in_memory());
    for n in 0..4 {
        let running = world.start(patient(), &lake);
        eventually("ready", || running.health.is_ready());
        world.publish(all_kinds(n * 10..n * 10 + 10));
        running.stop();
        assert_eq!(world.rows(&lake, Table::Hits) as i64, n * 10 + 10);
    }
}

#[test]
fn two_of_them_share_the_partitions() {
    let (world, (_, lake)) = (World::new(), in_memory());
    let config = |instance: &str| Config {
        instance: Some(instance.to_owned()),
        flush: Flush::every(Duration::from_millis(10)),
        ..patient()
    };
    let one = world.start(config("one"), &lake);
    world.publish(all_kinds(0..50));
    let two = world.start(config("two"), &lake);
    world.publish(all_kinds(50..100));
    eventually("rows", || world.rows_so_far(&lake, Table::Hits) == 100);
    one.stop();
    world.publish(all_kinds(100..150));
    eventually("rows", || world.rows_so_far(&lake, Table::Hits) == 150);
    two.stop();
    for table in Table::ALL {
        assert_eq!(world.rows(&lake, table), 150, "{table}");
    }
}

#[test]
fn a_lake_on_a_disk_is_written_alike() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let lake = world.runtime.block_on(Lake::open(folder.path().to_str().unwrap(), Access::Write)).unwrap();
    world.publish(all_kinds(0..30));
    let running = world.start(patient(), &lake);
    eventually("ready", || running.health.is_ready());
    running.stop();
    for table in Table::ALL {
        assert_eq!(world.rows(&lake, table), 30, "{table}");
    }
}

/// No waiting mends that, and what is begun has its name.
#[test]
fn a_folder_where_a_file_must_be_ends_it_with_one_line() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let in_the_way = "hits/date=2015-05-17/hits-log1-0-00000000000000000000.parquet";
    std::fs::create_dir_all(folder.path().join(in_the_way)).unwrap();
    let lake = world.runtime.block_on(Lake::open(folder.path().to_str().unwrap(), Access::Write)).unwrap();
    let running = world.start(Config { flush: Flush::every(Duration::from_millis(20)), ..patient() }, &lake);
    world.publish(all_kinds(0..30));
    eventually("its end", || running.has_ended());
    let error = running.join().unwrap_err();
    assert!(matches!(error, Error::Lake(LakeError::Blocked { .. })), "{error:?}");
    let line = error.to_string();
    assert!(line.contains(in_the_way) && line.contains("move that away") && !line.contains('\n'), "{line}");
    assert!(folder.path().join(in_the_way).is_dir());
}

/// What an Airflow sensor waits for. Nothing comes in partition 1, and it moves on with the clock.
#[test]
fn the_table_says_through_when_it_is_complete() {
    let (world, (_, lake)) = (World::new(), in_memory());
    let (now, minute) = (Timestamp::from_millis(1_793_577_600_000), Span::from_secs(60));
    let config = Config { flush: Flush::every(Duration::from_millis(20)), clock: clock::fixed(now), ..patient() };
    let of_hits = |lake: &Lake| {
        let found = world.runtime.block_on(lake.completeness(Table::Hits)).unwrap();
        found.map(|mut found| found.logs.remove(&log_id()).unwrap())
    };
    let running = world.start(config.clone(), &lake);
    eventually("a first mark", || of_hits(&lake).is_some_and(|log| log.complete_through.is_some()));
    assert_eq!(of_hits(&lake).unwrap().complete_through, Some(now - Span::from_secs(10)));

    // The bus stamps by the machine's clock, which is ahead of the one that stands still.
    world.publish((0..10).map(|n| Outgoing { partition: Some(0), append_time: None, ..hit(n) }).collect());
    eventually("rows", || world.rows_so_far(&lake, Table::Hits) == 10);
    running.stop();
    let log = of_hits(&lake).unwrap();
    assert_eq!((log.partition_count, log.partitions[&0].offset), (2, NextOffset(10)));
    assert_eq!(log.partitions[&1].offset, NextOffset(0));
    assert!(log.complete_through <= log.partitions[&0].complete_through);

    // A lake-writer whose clock is behind makes nothing fall.
    let running = world.start(Config { clock: clock::fixed(now - minute), ..config.clone() }, &lake);
    world.publish(vec![hit(10)]);
    eventually("rows", || world.rows_so_far(&lake, Table::Hits) == 11);
    running.stop();
    let after = of_hits(&lake).unwrap();
    assert!(after.complete_through >= log.complete_through && after.partitions[&0].offset >= NextOffset(10));

    let running = world.start(Config { clock: clock::fixed(now + minute), ..config }, &lake);
    eventually("the clock counts", || of_hits(&lake).unwrap().partitions[&1].complete_through > Some(now));
    running.stop();
}
