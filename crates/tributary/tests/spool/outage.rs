//! From a page through an outage to the lake: each acknowledged hit is one row. `TOOLS_OUTAGE_SECONDS` and `TOOLS_OUTAGE_RATE`
//! (hits a second) make it longer and harder; `make soak` does.

use std::time::Duration;

use kafka_broker::Broker;

use crate::edge::{Edge, Site};
use crate::lake::Lake;
use crate::log::Log;
use crate::{OUTAGE, wait_until};

/// Before the outage, and what there is to do after it.
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(8);

/// Windows so narrow that any outage is far beyond them. Still wider than the second for which a hit is tried on the bus before
/// it goes to the spool: by so much the hits at the beginning of an outage may be out of order, and on a busy machine by more.
const NARROW: [&str; 4] = ["--gap", "2s", "--lateness", "4s"];

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn outage() -> Duration {
    variable("TOOLS_OUTAGE_SECONDS").map_or(OUTAGE, Duration::from_secs)
}

fn rate() -> u32 {
    variable("TOOLS_OUTAGE_RATE").map_or(400, |rate| rate as u32)
}

fn figures(what: &str, acknowledged: usize, lake: &Lake) -> String {
    format!(
        "{what}, Kafka away for {:?} at {} hits/s: acknowledged {acknowledged}, missing 0, doubled {}, late {}, \
         visitors out of order {}",
        outage(),
        rate(),
        lake.doubled().len(),
        lake.late().len(),
        lake.unsorted().len()
    )
}

/// The broker goes, in the middle of its absence the only collector is killed, and both come back. Nothing is late whatever the
/// windows are: the log has the hits in the order in which they were taken. The figures.
fn one_collector(what: &str, windows: &[&str]) -> String {
    let mut broker = Broker::start(kafka_broker::Options::new().comes_back());
    let site = Site::before(&broker);
    let _behind = site.behind(windows);
    let mut edge = Edge::start(&site, "edge");
    let mut load = edge.load(rate(), (BEFORE + outage() + AFTER).as_secs());
    std::thread::sleep(BEFORE);
    broker.kill();
    std::thread::sleep(outage() / 2);
    edge.collector.kill();
    edge.start_again();
    std::thread::sleep(outage() / 2);
    broker.restart();
    load.wait();
    wait_until("an empty spool", || edge.segments() == 0);

    let (acknowledged, mut lake) = (edge.acknowledged(), Lake::at(site.lake()));
    let sent = u64::from(rate()) * (BEFORE + outage() + AFTER).as_secs();
    assert!(acknowledged.len() as u64 > sent / 2, "hardly anything was taken: {}", edge.report());
    wait_until("every acknowledged hit in the lake", || lake.missing(&acknowledged) == 0);
    assert_eq!(lake.doubled(), [""; 0], "{}", edge.text_of_log());
    assert_eq!(lake.late().len(), 0, "{}", edge.text_of_log());
    assert_eq!(lake.unsorted(), [""; 0]);
    figures(what, acknowledged.len(), &lake)
}

#[test]
fn in_the_lake_each_acknowledged_hit_is_one_row_whatever_it_went_through() {
    println!("{}", one_collector("within the lateness", &[]));
}

#[test]
fn an_outage_far_longer_than_the_lateness_makes_no_hit_of_the_only_collector_late() {
    println!("{}", one_collector("far beyond the lateness", &NARROW));
}

#[test]
fn of_two_collectors_what_comes_after_the_others_hits_is_late_and_is_there_once() {
    let mut broker = Broker::start(kafka_broker::Options::new().comes_back());
    let site = Site::before(&broker);
    let _behind = site.behind(&NARROW);
    let (edge, mut other) = (Edge::start(&site, "edge"), Edge::start(&site, "other"));
    let mut load = edge.load(rate() / 2, (BEFORE + outage() + AFTER).as_secs());
    let mut brief_load = other.load(rate() / 2, (BEFORE + outage() / 2).as_secs());
    std::thread::sleep(BEFORE);
    broker.kill();
    brief_load.wait();
    // What it holds comes when the other's hits of that time are long done with.
    other.collector.kill();
    assert!(other.segments() > 0, "what it took is there");
    std::thread::sleep(outage() / 2);
    broker.restart();
    load.wait();
    wait_until("an empty spool", || edge.segments() == 0);
    let (first, mut lake) = (edge.acknowledged(), Lake::at(site.lake()));
    wait_until("the first collector's hits in the lake", || lake.missing(&first) == 0);
    other.start_again();
    wait_until("the other's empty spool", || other.segments() == 0);

    let second = other.acknowledged();
    wait_until("every acknowledged hit in the lake", || lake.missing(&second) == 0);
    println!("{}", figures("two collectors", first.len() + second.len(), &lake));
    // A hit that the broker took without saying so is in the spool too, and its copy comes as late as all of them.
    let (late, log) = (lake.late(), Log::read(&broker.bootstrap()));
    let copies: Vec<_> = lake.doubled().into_iter().filter(|id| log.times[*id] == 1).collect();
    assert_eq!(copies, [""; 0], "once in the log is once in the lake");
    assert!(late.len() > second.len() / 4, "only {} of {} were late", late.len(), second.len());
    assert!(first.iter().all(|id| !late.contains(id.as_str())), "the one that was there all the while has none");
    assert_eq!(lake.unsorted(), [""; 0]);
}
