//! Runs that end by themselves, as `replay`'s does.

use lake::LakeError;
use lake_writer::{Config, Error, Stop};
use service::Shutdown;
use tables::Table;

use crate::support::{World, all_kinds, contents, hit, in_memory, nonsense, patient};

/// Small batches, so that there are many.
fn small() -> Config {
    Config { memory: 160_000, ..patient() }
}

#[test]
fn every_record_becomes_a_row_of_its_table() {
    let (world, (_, lake)) = (World::new(), in_memory());
    world.publish(all_kinds(0..100));
    let summary = world.run_to_the_end(small(), &lake).unwrap();
    assert!(summary.is_complete);
    for table in Table::ALL {
        assert_eq!((world.rows(&lake, table), summary.rows(table)), (100, 100), "{table}");
        assert!(summary.tables[&table].batches > 2, "{table}");
    }
}

#[test]
fn the_same_run_again_adds_nothing() {
    let (world, (store, lake)) = (World::new(), in_memory());
    world.publish(all_kinds(0..100));
    world.run_to_the_end(small(), &lake).unwrap();
    let before = contents(&world, &store);
    let summary = world.run_to_the_end(small(), &lake).unwrap();
    assert!(summary.is_complete && summary.tables.is_empty());
    assert_eq!(contents(&world, &store), before);
}

/// The position is the chain of the lake at hand; the group's offset says nothing.
#[test]
fn another_lake_gets_everything_although_the_group_is_at_the_end() {
    let (world, (_, first), (_, second)) = (World::new(), in_memory(), in_memory());
    world.publish(all_kinds(0..20));
    world.run_to_the_end(patient(), &first).unwrap();
    world.run_to_the_end(patient(), &second).unwrap();
    assert_eq!(world.rows(&second, Table::Hits), 20);
}

/// Files are the same to the byte, however the log came about and was polled.
#[test]
fn two_runs_over_the_same_log_give_the_same_files() {
    let (one, (one_store, one_lake)) = (World::new(), in_memory());
    one.publish(all_kinds(0..200));
    one.run_to_the_end(small(), &one_lake).unwrap();

    let (other, (other_store, other_lake)) = (World::new(), in_memory());
    let upstream_finished = Shutdown::new();
    let stop = Stop::AtEnd { upstream_finished: upstream_finished.clone() };
    let running = other.start(Config { stop, ..small() }, &other_lake);
    for n in 0..200 {
        other.publish(all_kinds(n..n + 1));
    }
    upstream_finished.cancel();
    running.join().unwrap();

    let (one, other) = (contents(&one, &one_store), contents(&other, &other_store));
    assert!(one.len() > 40);
    assert_eq!(
        one.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        other.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    assert_eq!(one, other);
}

/// A replay was killed; the same replay fills a new bus from the start, while the lake is ahead of it.
#[test]
fn a_run_that_begins_behind_its_lake_waits_until_the_log_gets_there() {
    let (first, (store, lake)) = (World::new(), in_memory());
    first.publish(all_kinds(0..60));
    first.run_to_the_end(small(), &lake).unwrap();

    let again = World::new();
    let upstream_finished = Shutdown::new();
    let running =
        again.start(Config { stop: Stop::AtEnd { upstream_finished: upstream_finished.clone() }, ..small() }, &lake);
    crate::support::eventually("ready", || running.health.is_ready());
    again.publish(all_kinds(0..100));
    upstream_finished.cancel();
    assert_eq!(running.join().unwrap().rows(Table::Hits), 40);
    for table in Table::ALL {
        assert_eq!(again.rows(&lake, table), 100);
    }
    assert!(!contents(&again, &store).is_empty());
}

#[test]
fn a_log_that_ends_before_its_lake_does_is_refused_in_one_line() {
    let (world, (store, lake)) = (World::new(), in_memory());
    world.publish(all_kinds(0..60));
    world.run_to_the_end(small(), &lake).unwrap();
    let before = contents(&world, &store);

    let anew = World::new();
    anew.publish(all_kinds(0..20));
    let error = anew.run_to_the_end(small(), &lake).unwrap_err();
    assert!(matches!(error, Error::Lake(LakeError::BeyondEnd { .. })), "{error}");
    assert!(!error.to_string().contains('\n'));
    assert_eq!(contents(&anew, &store), before);
}

#[test]
fn a_run_that_is_told_to_stop_leaves_the_rest_to_the_next_one() {
    let (world, (_, lake)) = (World::new(), in_memory());
    world.publish(all_kinds(0..60));
    let running = world.start(Config { stop: Stop::AtEnd { upstream_finished: Shutdown::new() }, ..small() }, &lake);
    crate::support::eventually("ready", || running.health.is_ready());
    assert!(!running.stop().is_complete);
    assert!(world.run_to_the_end(small(), &lake).unwrap().is_complete);
    assert_eq!(world.rows(&lake, Table::Hits), 60);
}

#[test]
fn a_record_that_no_table_can_read_is_skipped_and_counted() {
    let (world, (_, lake)) = (World::new(), in_memory());
    world.publish((0..50).map(|n| if n % 5 == 3 { nonsense(n) } else { hit(n) }).collect());
    let summary = world.run_to_the_end(patient(), &lake).unwrap();
    assert_eq!((summary.tables[&Table::Hits].skipped, summary.rows(Table::Hits)), (10, 40));
    assert_eq!(world.rows(&lake, Table::Hits), 40);
    let skipped: u64 = world.audit(&lake, Table::Hits).iter().map(|audit| audit.skipped).sum();
    assert_eq!(skipped, 10);
}

#[test]
fn an_empty_log_is_an_empty_lake() {
    let (world, (store, lake)) = (World::new(), in_memory());
    assert!(world.run_to_the_end(patient(), &lake).unwrap().is_complete);
    assert!(contents(&world, &store).is_empty());
}
