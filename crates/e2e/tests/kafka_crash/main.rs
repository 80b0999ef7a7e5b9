//! Everything that can be struck is struck, under load, on a real broker: each acknowledged hit is one row, the sessions are
//! those that an independent model finds in the log, and log and lake agree (P1, P2, P3).
//!
//! `make test` goes through every service and the broker, each killed, frozen and stopped, with one instance of each service
//! and with two, and of the groups' members another one that comes and goes. `make soak ROUNDS=n` draws as many blows from a
//! seed that it prints, goes on where one fails, then with a cluster of three brokers that loses one of them and then two, and
//! ends with a table. What a failure leaves is kept, and so are the stacks of everything that ran, where there is gdb.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod blow;
mod judgement;
mod life;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod traffic;

use std::panic::{AssertUnwindSafe, catch_unwind};

use blow::{Blow, Crew, Round, Target};
use kafka_broker::{Broker, Cluster};
use life::Life;
use support::Random;
use tally::Tally;

/// How many blows fall before everything is drained and judged.
const ROUNDS_OF_A_LIFE: usize = 10;

const TARGETS: [Target; 4] = [Target::Collector, Target::Sessionizer, Target::LakeWriter, Target::Broker];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}

fn clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// Every blow that can fall on a target, but those that take long.
fn blows(target: Target) -> &'static [Blow] {
    match target {
        Target::Sessionizer | Target::LakeWriter => &[Blow::Kill, Blow::Freeze, Blow::Stop, Blow::Guest],
        Target::Collector | Target::Broker => &[Blow::Kill, Blow::Freeze, Blow::Stop],
        Target::TwoBrokers => &[Blow::Kill],
    }
}

/// Lives, each with who runs and its blows.
fn plan() -> Vec<(Crew, Vec<Round>)> {
    let every = |instances| {
        let each = TARGETS
            .into_iter()
            .flat_map(|target| blows(target).iter().map(move |&blow| Round { target, blow, instances }));
        (Crew { instances, is_named: instances == 1 }, each.collect::<Vec<_>>())
    };
    let Some(rounds) = number("TOOLS_SOAK_ROUNDS") else {
        let (one, mut two) = (every(1), every(2));
        two.1.push(Round { target: Target::Broker, blow: Blow::LongFreeze, instances: 2 });
        return vec![one, two];
    };
    let seed = number("TOOLS_SOAK_SEED").unwrap_or_else(clock);
    eprintln!("{rounds} rounds, TOOLS_SOAK_SEED={seed}");
    let mut random = Random(seed);
    let mut lives = Vec::new();
    let mut left = rounds as usize;
    while left > 0 {
        let instances = random.between(1, 2) as usize;
        let crew = Crew { instances, is_named: instances == 1 || random.between(0, 1) == 1 };
        let mut draw = || {
            let target = TARGETS[random.between(0, 3) as usize];
            let of_target = [blows(target), &[Blow::LongFreeze]].concat();
            Round { target, blow: of_target[random.between(0, of_target.len() as u64 - 1) as usize], instances }
        };
        let blows: Vec<_> = (0..left.min(ROUNDS_OF_A_LIFE)).map(|_| draw()).collect();
        left -= blows.len();
        lives.push((crew, blows));
    }
    lives
}

/// Lives a life, and says whether it came to its judgement. Its failure is a fault of the tally, which stays whole.
fn lives(name: &str, tally: &mut Tally, life: impl FnOnce(&mut Tally)) -> bool {
    let lived = catch_unwind(AssertUnwindSafe(|| life(tally)));
    if let Err(failure) = &lived {
        let word = failure.downcast_ref::<&str>().copied();
        let word = failure.downcast_ref::<String>().map(String::as_str).or(word);
        tally.give_up(name, word.unwrap_or("a failure without a word"));
    }
    lived.is_ok()
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_whatever_is_struck() {
    let mut tally = Tally::default();
    let is_soak = number("TOOLS_SOAK_ROUNDS").is_some();
    let mut alone = None;
    for (life, (crew, rounds)) in plan().into_iter().enumerate() {
        let name = format!("life.{life}");
        let goes_on = lives(&name, &mut tally, |tally| {
            let brokers = alone.get_or_insert_with(|| [Broker::start(support::kafka::options())]);
            Life::begin(brokers, &format!("{name}."), crew).run(&rounds, tally);
        });
        if !goes_on {
            // A soak goes on, with a broker that nothing has happened to.
            alone = None;
            if !is_soak {
                break;
            }
        }
    }
    drop(alone);
    if is_soak {
        let round = |target, blow| Round { target, blow, instances: 2 };
        let rounds = [Blow::Kill, Blow::Freeze, Blow::Stop].map(|blow| round(Target::Broker, blow));
        let rounds = [&rounds[..], &[round(Target::TwoBrokers, Blow::Kill)]].concat();
        lives("cluster", &mut tally, |tally| {
            let mut cluster = Cluster::start(3, support::kafka::options());
            let crew = Crew { instances: 2, is_named: false };
            Life::begin(&mut cluster.brokers, "cluster.", crew).run(&rounds, tally);
        });
    }
    println!("{tally}");
    assert_eq!(tally.faults, [""; 0], "{tally}");
}
