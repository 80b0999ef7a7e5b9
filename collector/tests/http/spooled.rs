//! A bus that is away: hits are taken all the same, and none is lost, doubled within a life, or out of order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, Outgoing, SharedBus};
use clap::Parser;
use collector::spooling::SpooledBus;
use events::{Control, Topic};
use service::{Shutdown, SpoolArgs, clock};
use tokio::task::JoinHandle;

use crate::client::post;
use crate::moody::{Mood, Moody};
use crate::{NOW, Running};

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    spool: SpoolArgs,
}

/// A bus with a spool before it, and what drains that.
struct Spooled {
    bus: Arc<SpooledBus>,
    stop: Shutdown,
    draining: JoinHandle<()>,
}

impl Spooled {
    fn open(folder: &Path, bus: &Arc<Moody>, flags: &[&str]) -> Self {
        let folder = folder.to_str().unwrap();
        let flags = ["spool", "--spool", folder, "--spool-after=50ms"].into_iter().chain(flags.iter().copied());
        let settings = Settings::parse_from(flags);
        let spooled = SpooledBus::open(&settings.spool, bus.clone() as SharedBus, clock::fixed(NOW)).unwrap();
        let (bus, draining) = spooled.unwrap();
        let stop = Shutdown::new();
        let draining = tokio::spawn(draining.run(stop.clone()));
        Self { bus, stop, draining }
    }

    /// Stops as a process does that is told to.
    async fn stop(self) {
        self.stop.cancel();
        self.draining.await.unwrap();
    }
}

fn hit(visitor: &str, n: u32) -> Outgoing {
    Outgoing {
        topic: Topic::Hits,
        partition: None,
        key: Some(format!("a/{visitor}").into()),
        value: format!("{visitor} {n}").into(),
        append_time: None,
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap_or_else(|_| panic!("it did not come to {what}"));
}

/// Whether a spool holds nothing.
fn is_empty(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).unwrap();
    !files.flatten().any(|file| file.file_name().to_string_lossy().ends_with(".spool"))
}

#[tokio::test]
async fn while_the_bus_refuses_hits_are_taken_and_when_it_is_back_they_are_on_it_in_order() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), Moody::new(Mood::Refuses));
    let spooled = Spooled::open(folder.path(), &bus, &[]);
    let running = Running::start(spooled.bus.clone(), &[]).await;
    for n in 0..5 {
        let answer =
            post(running.address, format!(r#"[{{"site":"a","visitor_id":"v","url":"/{n}"}},{{"site":"b"}}]"#)).await;
        assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (200, Some(2)));
    }
    assert!(bus.taken().is_empty());
    assert!(running.health.is_ready(), "it takes hits, so it may be sent some");

    bus.is(Mood::Takes);
    until("all hits on the bus", || bus.hits().len() == 10).await;
    let pages: Vec<_> = bus.hits().iter().filter_map(|hit| hit.split_once("\"url\":\"/")?.1.chars().next()).collect();
    assert_eq!(pages.iter().collect::<String>(), "01234");
    // Every partition was told before the first of them.
    let told: Vec<_> = bus.taken()[..2].iter().map(|record| (record.partition, record.value.clone())).collect();
    let draining = bytes::Bytes::from(Control::Draining.to_json());
    assert_eq!(told, [(Some(0), draining.clone()), (Some(1), draining)]);

    until("an empty spool", || is_empty(folder.path())).await;
    assert_eq!(post(running.address, r#"{"site":"a","visitor_id":"v","url":"/9"}"#).await.status, 200);
    until("the next hit on the bus", || bus.hits().len() == 11).await;
}

#[tokio::test]
async fn a_bus_that_says_nothing_is_waited_for_a_little_and_then_no_more() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), Moody::new(Mood::Hangs));
    let spooled = Spooled::open(folder.path(), &bus, &[]);
    spooled.bus.publish(vec![hit("v", 0)]).await.unwrap();
    spooled.bus.publish(vec![hit("v", 1)]).await.unwrap();
    assert!(bus.taken().is_empty());
    bus.is(Mood::Takes);
    until("both on the bus", || bus.hits().iter().any(|hit| hit == "v 1")).await;
    // The first stood in the client's queue all the time: a copy, with the same id, before anything later.
    let hits = bus.hits();
    assert_eq!((hits[0].as_str(), hits.last().unwrap().as_str()), ("v 0", "v 1"), "{hits:?}");
}

#[tokio::test]
async fn a_full_spool_is_a_503_and_not_ready_until_there_is_room() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), Moody::new(Mood::Refuses));
    let spooled = Spooled::open(folder.path(), &bus, &["--spool-size=1MiB"]);
    let running = Running::start(spooled.bus.clone(), &[]).await;
    let hit = format!(r#"{{"site":"a","visitor_id":"v","props":{{"x":"{}"}}}}"#, "x".repeat(8000));
    let mut taken = 0;
    let refused = loop {
        let answer = post(running.address, &hit).await;
        match answer.status {
            200 => taken += 1,
            _ => break answer,
        }
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    assert!(taken > 100, "{taken}");
    let why = running.health.report()["collector"].clone().unwrap();
    assert!(why.contains("the bus is away, and the spool is full"), "{why}");

    bus.is(Mood::Takes);
    until("all on the bus", || bus.hits().len() == taken).await;
    until("room", || is_empty(folder.path())).await;
    assert_eq!(post(running.address, &hit).await.status, 200);
    assert!(running.health.is_ready());
}

#[tokio::test]
async fn what_a_stopped_process_leaves_the_next_one_sends_on_before_anything_new() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), Moody::new(Mood::Refuses));
    let first = Spooled::open(folder.path(), &bus, &[]);
    for n in 0..3 {
        first.bus.publish(vec![hit("v", n)]).await.unwrap();
    }
    first.stop().await;

    let next = Spooled::open(folder.path(), &bus, &[]);
    next.bus.publish(vec![hit("v", 3)]).await.unwrap();
    bus.is(Mood::Takes);
    until("all on the bus", || bus.hits().len() == 4).await;
    assert_eq!(bus.hits(), ["v 0", "v 1", "v 2", "v 3"]);
    next.stop().await;
}

#[tokio::test]
async fn a_hit_that_the_bus_will_never_take_is_rejected_and_in_nobodys_way() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), Moody::limited(Mood::Refuses, 20_000));
    let spooled = Spooled::open(folder.path(), &bus, &[]);
    let large = Outgoing { value: vec![b'x'; 30_000].into(), ..hit("v", 1) };
    for record in [hit("v", 0), large, hit("v", 2)] {
        spooled.bus.publish(vec![record]).await.unwrap();
    }
    let huge = Outgoing { value: vec![b'x'; 2 << 20].into(), ..hit("v", 3) };
    let error = spooled.bus.publish(vec![huge]).await.unwrap_err();
    assert!(matches!(error, BusError::TooLarge { .. }), "no bus takes it: {error}");

    bus.is(Mood::Takes);
    until("the last on the bus", || bus.hits().iter().any(|hit| hit == "v 2")).await;
    assert_eq!(bus.hits(), ["v 0", "v 2"]);
    let taken = bus.taken();
    let rejected: Vec<_> = taken.iter().filter(|record| record.topic == Topic::Rejected).collect();
    assert_eq!(rejected.len(), 1);
    assert!(String::from_utf8_lossy(&rejected[0].value).contains("too_large"));
}

/// Visitors who send one hit after the other, each once the one before was acknowledged, while the bus comes and goes.
#[tokio::test(flavor = "multi_thread")]
async fn each_visitors_hits_stay_in_order_whatever_the_bus_does() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), Moody::new(Mood::Takes));
    let spooled = Spooled::open(folder.path(), &bus, &[]);
    let visits: Vec<_> = (0..8)
        .map(|visitor| {
            let bus = spooled.bus.clone();
            tokio::spawn(async move {
                for n in 0..200 {
                    bus.publish(vec![hit(&format!("v{visitor}"), n)]).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    let moods = [Mood::Refuses, Mood::Takes, Mood::Hangs, Mood::Takes];
    for round in 0..usize::MAX {
        if visits.iter().all(JoinHandle::is_finished) {
            break;
        }
        bus.is(moods[round % 4]);
        tokio::time::sleep(Duration::from_millis(20 + round as u64 * 7 % 60)).await;
    }
    bus.is(Mood::Takes);
    for visit in visits {
        visit.await.unwrap();
    }
    let first_of = |visitor: &str| {
        let mut seen = Vec::new();
        for hit in bus.hits() {
            let (of, n) = hit.split_once(' ').unwrap();
            let n: u32 = n.parse().unwrap();
            if of == visitor && !seen.contains(&n) {
                seen.push(n);
            }
        }
        seen
    };
    for visitor in 0..8 {
        let visitor = format!("v{visitor}");
        until("all hits of a visitor", || first_of(&visitor).len() == 200).await;
        assert_eq!(first_of(&visitor), (0..200).collect::<Vec<_>>(), "{visitor}");
    }
    spooled.stop().await;
}

#[tokio::test]
async fn a_folder_belongs_to_one_collector() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), Moody::new(Mood::Takes));
    let first = Spooled::open(folder.path(), &bus, &[]);
    let settings = Settings::parse_from(["spool", "--spool", folder.path().to_str().unwrap()]);
    let error = SpooledBus::open(&settings.spool, bus.clone(), clock::fixed(NOW)).unwrap_err().to_string();
    assert!(error.contains("belongs to another process"), "{error}");
    first.stop().await;
}
