use std::net::IpAddr;
use std::sync::Mutex;

use bus::embedded::{EmbeddedBus, Options};
use events::{Span, Timestamp, Uuid};
use tempfile::TempDir;

use super::*;

/// 2026-11-02T12:00:00Z.
const NOON: Timestamp = Timestamp::from_millis(1_793_577_600_000 + 12 * 3_600_000);

/// A log, and a clock for all who use it.
struct Town {
    _folder: TempDir,
    bus: SharedBus,
    now: Arc<Mutex<Timestamp>>,
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bus = Arc::new(EmbeddedBus::open(Options::at(folder.path())).unwrap());
        Self { _folder: folder, bus, now: Arc::new(Mutex::new(NOON)) }
    }

    /// A collector that was just started.
    fn collector(&self) -> Sharing {
        let now = self.now.clone();
        Sharing::new(Arc::default(), self.bus.clone(), Arc::new(move || *now.lock().unwrap()))
    }

    fn wait(&self, span: Span) {
        let mut now = self.now.lock().unwrap();
        *now = *now + span;
    }

    fn records(&self) -> usize {
        read(&self.bus).unwrap().len()
    }
}

impl Sharing {
    /// Somebody who is there now, or was some time ago.
    fn visitor(&self, ago: Span) -> Option<Uuid> {
        let now = (self.clock)();
        self.salts.visitor("a", IpAddr::from([192, 0, 2, 1]), "Browser/1", now - ago, now)
    }
}

#[tokio::test]
async fn collectors_behind_one_log_agree_and_so_does_one_that_is_started_anew() {
    let town = Town::new();
    let (one, other) = (town.collector(), town.collector());
    one.agree().await.unwrap();
    other.agree().await.unwrap();
    let visitor = one.visitor(Span::ZERO);
    assert!(visitor.is_some());
    assert_eq!(other.visitor(Span::ZERO), visitor);
    assert_ne!(town.collector().visitor(Span::ZERO), visitor, "who has not asked cannot know");

    town.wait(Span::from_hours(24));
    let anew = town.collector();
    anew.agree().await.unwrap();
    assert_eq!(anew.visitor(Span::from_hours(24)), visitor, "yesterday's is there too");
    assert_ne!(anew.visitor(Span::ZERO), visitor);
    assert_eq!(town.records(), 2);
}

#[tokio::test]
async fn of_two_that_write_at_once_the_first_in_the_log_is_it() {
    let town = Town::new();
    let (first, second) = (town.collector(), town.collector());
    // Both have found nothing. The second has hits already.
    let before = second.visitor(Span::ZERO);
    for collector in [&first, &second] {
        let day = collector.salts.wanted(NOON)[0];
        collector.exchange.offer(vec![collector.salts.offer(day).unwrap()]).await.unwrap();
    }
    second.learn().await.unwrap();
    first.learn().await.unwrap();
    assert_eq!(town.records(), 2);
    assert_eq!(second.visitor(Span::ZERO), first.visitor(Span::ZERO));
    assert_ne!(second.visitor(Span::ZERO), before);
}

#[tokio::test]
async fn a_day_has_its_key_an_hour_before_it_begins() {
    let town = Town::new();
    let (one, other) = (town.collector(), town.collector());
    one.agree().await.unwrap();
    town.wait(Span::from_millis(11 * 3_600_000 - 1));
    one.agree().await.unwrap();
    assert_eq!(town.records(), 1);
    town.wait(Span::from_millis(1));
    one.agree().await.unwrap();
    other.agree().await.unwrap();
    assert_eq!(town.records(), 2);
    town.wait(Span::from_hours(1));
    // Nobody asks the log any more: it may be away.
    assert!(one.salts.wanted((one.clock)()).is_empty());
    assert_eq!(one.visitor(Span::ZERO), other.visitor(Span::ZERO));
}

#[tokio::test]
async fn what_a_collector_made_for_want_of_a_log_is_what_it_offers_later() {
    let town = Town::new();
    let alone = town.collector();
    let visitor = alone.visitor(Span::ZERO);
    alone.agree().await.unwrap();
    assert_eq!(alone.visitor(Span::ZERO), visitor, "a single collector goes on as it began");
    let other = town.collector();
    other.agree().await.unwrap();
    assert_eq!(other.visitor(Span::ZERO), visitor);
}

#[tokio::test]
async fn what_is_no_key_is_passed_over() {
    let town = Town::new();
    let record = |value: &'static str| Outgoing {
        topic: PLACE.topic,
        partition: Some(PLACE.partition),
        key: None,
        value: value.into(),
        append_time: None,
    };
    town.bus.publish(vec![record("nonsense"), record("{}")]).await.unwrap();
    let (one, other) = (town.collector(), town.collector());
    one.agree().await.unwrap();
    other.agree().await.unwrap();
    assert_eq!(one.visitor(Span::ZERO), other.visitor(Span::ZERO));
}
