//! A member that dies in the middle of a step, at each request of it in turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Limits, Options, properties};
use bus::{Output, Polled, SharedBus, Source, Step, Worker};
use events::{NextOffset, Topic};
use kafka_broker::Broker;

use crate::proxy::Proxy;
use crate::support::{self, ENRICHED, HITS};

const STATE: Source = Source { topic: Topic::SessionsOpen, partition: 0 };
const NEW: Output<'static> = Output { target: ENRICHED, key: Some(b"example.org/v1"), value: Some(b"enriched") };
const OPEN: Output<'static> = Output { target: STATE, key: Some(b"#partition"), value: Some(b"open") };

fn open(proxy: &Proxy, client: &str) -> SharedBus {
    let properties = properties::parse(&format!("client.id={client}\n"), |_| None).unwrap();
    let options = support::at(&proxy.address().to_string(), "dying.");
    let limits = Limits { request: Duration::from_secs(3), ..options.limits };
    Arc::new(KafkaBus::open(Options { properties, limits, ..options }).unwrap())
}

/// Where the group is, as the one says who takes over.
fn taken_over_at(worker: &mut dyn Worker) -> NextOffset {
    let position = support::poll_until(worker, |polled| match polled {
        Polled::Assigned(all) => all.into_iter().find(|assigned| assigned.source == HITS).map(|found| found.committed),
        _ => None,
    });
    position.unwrap_or(NextOffset::START)
}

/// How many records like this one stand.
fn written(bus: &SharedBus, output: &Output<'_>) -> i64 {
    let records = support::read_to_end(bus, output.target, NextOffset::START);
    records.iter().filter(|record| record.key.as_deref() == output.key).count() as i64
}

/// Each hit is a step of its own: one output, one record of state, and the position behind it.
#[test]
fn a_member_that_dies_at_any_request_of_a_step_leaves_all_of_it_or_nothing() {
    let proxy = Proxy::new();
    let broker = Broker::start(kafka_broker::Options::new().advertised_port(proxy.address().port()));
    proxy.serve(broker.bootstrap());
    let (mut steps, mut requests) = (NextOffset::START, 1);
    // Of each that died whether its step stands, and who is still dying.
    let (mut deaths, mut dying) = (Vec::new(), Vec::new());
    loop {
        let client = format!("client-{}-{requests}", deaths.len());
        let bus = open(&proxy, &client);
        support::publish(&bus, HITS, &["hit"]);
        let mut worker = support::join(&bus, Some("i"));
        let position = taken_over_at(&mut *worker);
        let written = [NEW, OPEN].map(|output| written(&bus, &output));
        assert_eq!(written, [position.0; 2], "outputs, state and position are one; the one before died: {deaths:?}");
        if let Some(stands) = deaths.last_mut() {
            *stands = position > steps;
        }
        steps = position;

        let next = support::next_records(&mut *worker)[0].offset.next();
        proxy.let_die(&client, requests);
        let step = std::thread::spawn(move || {
            worker.commit(Step { outputs: &[NEW, OPEN], positions: &[(HITS, next)] }).is_ok()
        });
        let deadline = Instant::now() + PATIENCE;
        while !proxy.is_dead(&client) && !step.is_finished() {
            assert!(Instant::now() < deadline, "it neither dies nor ends: {requests}");
            std::thread::sleep(Duration::from_millis(5));
        }
        if proxy.is_dead(&client) {
            deaths.push(false);
            dying.push(step);
            requests += 1;
            continue;
        }
        assert!(step.join().unwrap(), "it had all its requests");
        steps = next;
        if deaths.contains(&true) {
            break;
        }
        // This one needed fewer than the one before: records of two topics may be announced by one request or by two.
        requests -= 1;
    }
    // Positions, records, and that there are any of either are requests of their own before the one that commits.
    assert!(deaths.len() >= 5 && deaths[..4].iter().all(|stands| !stands), "{deaths:?}");
    for step in dying {
        assert!(!step.join().unwrap(), "a dead one was told that its step is done");
    }
}
