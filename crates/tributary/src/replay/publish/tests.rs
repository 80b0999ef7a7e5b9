use std::time::Duration;

use bus::embedded::{Durability, EmbeddedBus, Options};
use bus::{Record, Source};
use events::NextOffset;
use std::sync::Arc;

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(1_431_857_103_000 + secs * 1000)
}

fn hit(visitor: u32, secs: i64) -> Result<Item, InputError> {
    let record = LineRecord::Hit { key: format!("site/v{visitor}").into(), value: format!("{{\"n\":{secs}}}").into() };
    Ok(Item { time: at(secs), record, is_ahead: false })
}

fn rejected(secs: i64) -> Result<Item, InputError> {
    let record = LineRecord::Rejected { value: format!("{{\"r\":{secs}}}").into() };
    Ok(Item { time: at(secs), record, is_ahead: false })
}

struct Published {
    read: Result<Read, PublishError>,
    bus: SharedBus,
    _folder: tempfile::TempDir,
}

/// Publishes items to a fresh bus of two partitions.
fn published(items: impl Iterator<Item = Result<Item, InputError>>, is_stopped: bool) -> Published {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { partitions: 2, durability: Durability::Unsynced, ..Options::at(folder.path().join("bus")) };
    let bus: SharedBus = Arc::new(EmbeddedBus::open(options).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let publisher = Publisher::new(bus.clone(), runtime.handle().clone(), Span::from_mins(10));
    let read = publisher.run(items, || is_stopped);
    Published { read, bus, _folder: folder }
}

impl Published {
    fn records(&self, topic: Topic, partition: u32) -> Vec<Record> {
        let source = Source { topic, partition };
        let end = self.bus.bounds(source).unwrap().end;
        let mut reader = self.bus.read(source, NextOffset::START).unwrap();
        let mut records = Vec::new();
        while reader.position() < end {
            records.extend(reader.next(Duration::from_secs(5)).unwrap());
        }
        records
    }
}

#[test]
fn every_item_is_published_in_order_and_each_partition_ends() {
    let many = (0..10_000).map(|n| if n % 100 == 7 { rejected(n) } else { hit((n % 13) as u32, n) });
    let done = published(many, false);
    let read = done.read.as_ref().unwrap();
    assert_eq!((read.lines(), read.accepted, read.rejected), (10_000, 9900, 100));

    let mut hits = 0;
    for partition in 0..2 {
        let records = done.records(Topic::Hits, partition);
        let (end, of_visitors) = records.split_last().unwrap();
        assert_eq!(Control::from_json(end.value.as_ref().unwrap()).unwrap(), Control::End);
        assert_eq!((end.append_time, &end.key), (at(9999), &None));
        assert!(of_visitors.is_sorted_by_key(|record| record.append_time));
        hits += of_visitors.len();
    }
    assert_eq!(hits, 9900);
    let rejections = done.records(Topic::Rejected, 0);
    assert_eq!(rejections.len(), 100);
    assert!(rejections.is_sorted_by_key(|record| record.append_time));
    assert_eq!(rejections[3].append_time, at(307));
}

#[test]
fn two_runs_make_the_same_log() {
    let items = || (0..9000).map(|n| hit((n * n % 31) as u32, n % 77));
    let (one, two) = (published(items(), false), published(items(), false));
    for partition in 0..2 {
        assert_eq!(one.records(Topic::Hits, partition), two.records(Topic::Hits, partition));
    }
}

#[test]
fn an_input_without_lines_still_ends() {
    let done = published(std::iter::empty(), false);
    assert_eq!(done.read.as_ref().unwrap(), &Read::default());
    assert_eq!(done.records(Topic::Hits, 1).len(), 1);
}

#[test]
fn disorder_is_measured() {
    let read =
        published([hit(1, 0), hit(1, 700), hit(1, 99), hit(1, 100), hit(1, 701)].into_iter(), false).read.unwrap();
    assert_eq!((read.far_behind, read.farthest), (1, Span::from_secs(601)));
}

#[test]
fn only_the_first_rejections_are_kept() {
    let read = published((0..20).map(rejected), false).read.unwrap();
    assert_eq!((read.rejected, read.shown.len()), (20, SHOWN));
}

#[test]
fn an_input_that_fails_ends_it_without_an_end_in_the_log() {
    let broken = InputError::Open { path: "a.log".into(), error: std::io::Error::other("gone") };
    let done = published([hit(1, 0), Err(broken)].into_iter(), false);
    assert_eq!(done.read.as_ref().unwrap_err().to_string(), "cannot open a.log: gone");
    assert!((0..2).all(|partition| done.records(Topic::Hits, partition).is_empty()));
}

#[test]
fn it_stops_when_it_is_asked_to() {
    let done = published((0..50_000).map(|n| hit(1, n)), true);
    assert!(matches!(done.read, Err(PublishError::Stopped)));
}
