//! Members of a group while its partitions move, and what may go wrong in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::contract::PATIENCE;
use bus::kafka::{KafkaBus, Options, properties};
use bus::{Output, Polled, SharedBus, Source, Step, Worker};
use events::NextOffset;
use futures::executor::block_on;
use kafka_broker::Broker;
use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::proxy::Proxy;
use crate::support::{self, ENRICHED, HITS};
use crate::warnings;

const OUTPUT: Output<'static> = Output { target: ENRICHED, key: Some(b"example.org/v1"), value: Some(b"once") };
const MOMENT: Duration = Duration::from_millis(20);

/// A broker that is reached by the proxy alone.
fn behind(proxy: &Proxy) -> Broker {
    let broker = Broker::start(kafka_broker::Options::new().advertised_port(proxy.address().port()));
    proxy.serve(broker.bootstrap());
    broker
}

/// A log behind the proxy, by clients of this name.
fn open(proxy: &Proxy, client: &str) -> SharedBus {
    let properties = properties::parse(&format!("client.id={client}\n"), |_| None).unwrap();
    let options = Options { properties, ..support::at(&proxy.address().to_string(), "moving.") };
    Arc::new(KafkaBus::open(options).unwrap())
}

/// Polls once, and notes what comes and goes.
fn poll(worker: &mut dyn Worker, owned: &mut BTreeSet<Source>) -> Polled {
    let polled = worker.poll(MOMENT).unwrap();
    match &polled {
        Polled::Assigned(new) => owned.extend(new.iter().map(|assignment| assignment.source)),
        Polled::Revoked(gone) => owned.retain(|source| !gone.contains(source)),
        _ => {}
    }
    polled
}

/// The broker is at the next generation, and the member has not heard of it.
#[test]
fn a_step_between_two_generations_is_made_once_and_the_member_stays() {
    let proxy = Proxy::new();
    let broker = behind(&proxy);
    let bus = open(&proxy, "older");
    support::publish(&bus, HITS, &["a"]);
    let mut older = support::join(&bus, Some("older"));
    let read = support::next_records(&mut *older);
    proxy.keep_waiting(Some("older"));
    let newer_bus = open(&proxy, "newer");
    let mut newer = support::join(&newer_bus, Some("newer"));
    let looking: BaseConsumer = support::raw(&broker.bootstrap()).create().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let state = || {
        let groups = looking.fetch_group_list(Some("moving.g"), PATIENCE).unwrap();
        groups.groups().iter().map(|group| group.state().to_owned()).collect::<Vec<_>>()
    };
    while state() != ["CompletingRebalance"] {
        assert!(Instant::now() < deadline, "{:?}", state());
        older.poll(MOMENT).unwrap();
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            proxy.keep_waiting(None);
        });
        older.commit(Step { outputs: &[OUTPUT], positions: &[(HITS, read[0].offset.next())] }).unwrap();
    });
    assert_eq!(support::values(&support::read_to_end(&bus, ENRICHED, NextOffset::START)), ["once"]);
    // It is one of the group still, and hands over what it must.
    let mut owned = [BTreeSet::new(), BTreeSet::new()];
    owned[0].extend((0..4).map(|partition| Source { partition, ..HITS }));
    while owned.iter().any(|owned| owned.len() != 2) {
        assert!(Instant::now() < deadline, "the group does not settle: {owned:?}");
        poll(&mut *older, &mut owned[0]);
        poll(&mut *newer, &mut owned[1]);
    }
    assert!(owned[0].is_disjoint(&owned[1]));
}

/// What it was told to give up when it ended belongs to nobody, and its return is no rebalance.
#[test]
fn partitions_whose_owner_ended_while_they_moved_find_one_when_it_comes_back_under_its_name() {
    let bus = support::open(&kafka_broker::topic_prefix("moving"));
    let mut older = support::join(&bus, Some("older"));
    support::poll_until(&mut *older, |polled| matches!(polled, Polled::Assigned(_)).then_some(()));
    let mut newer = support::join(&bus, Some("newer"));
    let mut owned = [BTreeSet::new(), BTreeSet::new()];
    let deadline = Instant::now() + PATIENCE;
    while !matches!(older.poll(MOMENT).unwrap(), Polled::Revoked(_)) {
        assert!(Instant::now() < deadline, "nothing moves");
        poll(&mut *newer, &mut owned[1]);
    }
    // Nobody hears of it any more.
    let mut back = support::join(&bus, Some("older"));
    while owned[0].len() + owned[1].len() != 4 {
        assert!(Instant::now() < deadline, "partitions belong to nobody: {owned:?}");
        poll(&mut *back, &mut owned[0]);
        poll(&mut *newer, &mut owned[1]);
        assert!(owned[0].is_disjoint(&owned[1]), "{owned:?}");
    }
    drop(older);
}

/// librdkafka waits for the group's coordinator for ever.
#[test]
fn a_step_whose_positions_get_no_answer_fails_in_time_and_its_successor_makes_it() {
    let proxy = Proxy::new();
    let _broker = behind(&proxy);
    let options = support::at(&proxy.address().to_string(), "moving.");
    let limits = bus::kafka::Limits { request: Duration::from_secs(3), ..options.limits };
    let bus: SharedBus = Arc::new(KafkaBus::open(Options { limits, ..options }).unwrap());
    support::publish(&bus, HITS, &["a"]);
    let mut worker = support::join(&bus, Some("i"));
    let read = support::next_records(&mut *worker);
    let positions = [(HITS, read[0].offset.next())];
    proxy.hang_up_on_positions(true);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let failed = worker.commit(Step { outputs: &[OUTPUT], positions: &positions });
        // It may take its time to end.
        sender.send(failed).unwrap();
        drop(worker);
    });
    let failed = receiver.recv_timeout(PATIENCE).expect("the step hangs");
    assert!(matches!(failed, Err(bus::BusError::Unavailable(_))), "{failed:?}");
    assert!(proxy.has_hung_up());
    proxy.hang_up_on_positions(false);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut worker = support::join(&bus, Some("i"));
        assert_eq!(support::next_records(&mut *worker), read, "nothing was committed");
        match worker.commit(Step { outputs: &[OUTPUT], positions: &positions }) {
            Ok(()) => break,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
    }
    assert_eq!(support::values(&support::read_to_end(&bus, ENRICHED, NextOffset::START)), ["once"]);
}

/// What was fetched before a seek stands in librdkafka's queue still, and a transaction's marker in there moves its position,
/// from which it goes on where partitions move.
#[test]
fn what_was_sought_again_is_read_again_while_partitions_move() {
    let broker = kafka_broker::shared().bootstrap();
    let prefix = kafka_broker::topic_prefix("moving");
    let bus = support::open(&prefix);
    let topic = format!("{prefix}hits");
    let sources: Vec<_> = (0..4).map(|partition| Source { partition, ..HITS }).collect();
    let raw = support::raw(&broker).set("transactional.id", format!("{prefix}raw")).create::<BaseProducer>().unwrap();
    raw.init_transactions(PATIENCE).unwrap();
    for _ in 0..5 {
        raw.begin_transaction().unwrap();
        for source in &sources {
            let to = BaseRecord::<(), str>::to(&topic).partition(source.partition as i32);
            raw.send(to.payload("once more")).unwrap();
        }
        raw.commit_transaction(PATIENCE).unwrap();
    }
    let mut older = support::join(&bus, Some("older"));
    let mut owned = [BTreeSet::new(), BTreeSet::new()];
    let mut read = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    while sources.iter().any(|source| read.get(source).is_none_or(|&count| count < 5)) {
        assert!(Instant::now() < deadline, "not everything is read at first: {read:?}");
        note(poll(&mut *older, &mut owned[0]), &mut read);
    }
    // It is fetched once more, and is of no use by then.
    for wait in [Duration::from_secs(1), Duration::ZERO] {
        sources.iter().for_each(|&source| older.seek(source, NextOffset::START).unwrap());
        std::thread::sleep(wait);
    }
    read.clear();
    note(older.poll(Duration::ZERO).unwrap(), &mut read);
    let mut newer = support::join(&bus, Some("newer"));
    let looking: BaseConsumer = support::raw(&broker).create().unwrap();
    let is_settled = || {
        let groups = looking.fetch_group_list(Some(&format!("{prefix}g")), PATIENCE).unwrap();
        groups.groups().iter().any(|group| group.state() == "Stable" && group.members().len() == 2)
    };
    while !is_settled() {
        assert!(Instant::now() < deadline, "the newer member is not taken in");
        std::thread::sleep(MOMENT);
    }
    while sources.iter().any(|source| read.get(source).is_none_or(|&count| count < 5)) {
        assert!(Instant::now() < deadline, "records were passed over: {read:?} of 5 each, {owned:?}");
        for (worker, owned) in [&mut older, &mut newer].into_iter().zip(&mut owned) {
            note(poll(&mut **worker, owned), &mut read);
        }
    }
}

/// A log whose first records are gone, and a group that has committed nothing: the member begins where the log does, and says
/// nothing of a loss.
#[test]
fn a_source_that_was_not_read_yet_begins_where_the_log_does_after_partitions_have_moved() {
    let broker = kafka_broker::shared().bootstrap();
    let prefix = kafka_broker::topic_prefix("moving");
    let bus = support::open(&prefix);
    let sources: Vec<_> = (0..4).map(|partition| Source { partition, ..HITS }).collect();
    sources.iter().for_each(|&source| support::publish(&bus, source, &["gone", "gone", "there"]));
    let mut gone = TopicPartitionList::new();
    for source in &sources {
        gone.add_partition_offset(&format!("{prefix}hits"), source.partition as i32, Offset::Offset(2)).unwrap();
    }
    block_on(support::admin(&broker).delete_records(&gone, &AdminOptions::new())).unwrap();

    let (mut owned, mut read) = ([BTreeSet::new(), BTreeSet::new()], BTreeMap::new());
    let deadline = Instant::now() + PATIENCE;
    let warnings = warnings::of(|| {
        let mut older = support::join(&bus, Some("older"));
        while owned[0].len() < 4 {
            assert!(Instant::now() < deadline, "the first member gets {owned:?}");
            // Nothing is handed out yet.
            if let Polled::Assigned(new) = poll(&mut *older, &mut owned[0]) {
                new.iter().for_each(|assignment| older.pause(assignment.source).unwrap());
            }
        }
        let mut newer = support::join(&bus, Some("newer"));
        while owned.iter().any(|owned| owned.len() != 2) {
            assert!(Instant::now() < deadline, "the group does not settle: {owned:?}");
            note(poll(&mut *older, &mut owned[0]), &mut read);
            note(poll(&mut *newer, &mut owned[1]), &mut read);
        }
        owned[0].iter().for_each(|&source| older.resume(source).unwrap());
        while read.len() < 4 {
            assert!(Instant::now() < deadline, "not everything is read: {read:?}");
            note(poll(&mut *older, &mut owned[0]), &mut read);
            note(poll(&mut *newer, &mut owned[1]), &mut read);
        }
    });
    assert!(read.values().all(|&count| count == 1), "{read:?}");
    assert_eq!(warnings, [""; 0]);
}

/// A rolling restart: each comes back under its name before its session is over.
#[test]
fn a_member_that_comes_back_under_its_name_moves_nothing() {
    let prefix = kafka_broker::topic_prefix("moving");
    // Longer than a restart takes on a busy machine.
    let limits = bus::kafka::Limits { session: PATIENCE, ..support::limits() };
    let bus: SharedBus = Arc::new(KafkaBus::open(Options { limits, ..support::options(&prefix) }).unwrap());
    let names = ["first", "second"];
    let mut members: Vec<_> = names.iter().map(|name| Some(support::join(&bus, Some(name)))).collect();
    let mut owned = [BTreeSet::new(), BTreeSet::new()];
    let deadline = Instant::now() + PATIENCE;
    while owned.iter().any(|owned| owned.len() != 2) {
        assert!(Instant::now() < deadline, "the group does not settle: {owned:?}");
        for (member, owned) in members.iter_mut().flatten().zip(&mut owned) {
            poll(&mut **member, owned);
        }
    }
    for (back, name) in names.iter().enumerate() {
        members[back] = None;
        let mut again = BTreeSet::new();
        // Away for less than its session, and back for long enough to hear of what must not come.
        let (mut comes_at, mut ends_at) = (Some(Instant::now() + Duration::from_secs(2)), None);
        while ends_at.is_none_or(|end| Instant::now() < end) {
            assert!(Instant::now() < deadline, "{name} gets nothing back: {again:?}");
            if comes_at.is_some_and(|at| Instant::now() >= at) {
                (members[back], comes_at) = (Some(support::join(&bus, Some(name))), None);
            }
            for (at, member) in members.iter_mut().enumerate() {
                let Some(member) = member else { continue };
                let polled = if at == back { poll(&mut **member, &mut again) } else { member.poll(MOMENT).unwrap() };
                let moves = matches!(polled, Polled::Assigned(_) | Polled::Revoked(_));
                assert!(at == back || !moves, "{name} was away, and another one was told: {polled:?}");
            }
            if again.len() == 2 && ends_at.is_none() {
                ends_at = Some(Instant::now() + Duration::from_secs(2));
            }
        }
        assert_eq!(again, owned[back], "{name}");
    }
}

/// Counts the records of each source.
fn note(polled: Polled, read: &mut BTreeMap<Source, usize>) {
    if let Polled::Records { source, records } = polled {
        *read.entry(source).or_default() += records.len();
    }
}
