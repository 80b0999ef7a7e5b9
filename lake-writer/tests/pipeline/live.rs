//! Runs that go on until they are told to stop.

use std::time::Duration;

use lake::{Access, Lake};
use lake_writer::{Config, Flush};
use tables::Table;

use crate::support::{World, all_kinds, eventually, in_memory, patient};

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
