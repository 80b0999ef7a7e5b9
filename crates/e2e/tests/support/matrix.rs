//! A pipeline under load whose parts are struck one after the other, and the judgement at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::{SharedBus, Source};
use events::{Span, Topic, WindowSettings};
use kafka_broker::Broker;

use super::kafka::{BROKER_FREEZE, BROKER_SESSION, Pipeline, SESSION_TIMEOUT, count, wait_at_most};
use super::service::Service;
use super::traffic::Traffic;
use super::{lake, model, reference};

/// Long enough that a copy which is sent again after the longest blow is still known; short enough for hits that come late
/// to become final sessions while blows fall.
const WINDOWS: [&str; 6] = ["--gap", "60s", "--lateness", "60s", "--idle-interval", "300ms"];

/// With these from some moment on, everything is final soon.
const LAST_WINDOWS: [(&str, &str); 2] = [("--gap", "1s"), ("--lateness", "1s")];

/// How long it may take on a busy machine until everything flows again.
const RECOVERY: Duration = Duration::from_secs(120);

/// A part of the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Target {
    Collector,
    Sessionizer,
    LakeWriter,
    Broker,
    /// Two of three brokers at once: nothing can be kept until one is back.
    TwoBrokers,
}

/// What happens to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Blow {
    /// SIGKILL, and it is started again.
    Kill,
    /// SIGSTOP for longer than the group waits, then SIGCONT: a zombie. The broker for a moment.
    Freeze,
    /// SIGTERM, and it is started again.
    Stop,
    /// Another instance of it comes, takes its share, and goes again.
    Guest,
}

/// One blow, with so many instances of each service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Round {
    pub(crate) target: Target,
    pub(crate) blow: Blow,
    pub(crate) instances: usize,
}

/// What became of the rounds of one kind.
#[derive(Clone, Copy, Default, Debug)]
struct Count {
    rounds: usize,
    acknowledged: usize,
    missing: usize,
    doubled: usize,
    sessions_equal: usize,
}

/// What became of all rounds.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    kinds: BTreeMap<Round, Count>,
    /// Everything that must not be.
    pub(crate) faults: Vec<String>,
}

/// One pipeline from its start to its judgement.
pub(crate) struct Life<'a> {
    /// One that stands alone, or a cluster's.
    brokers: &'a mut [Broker],
    pipeline: Pipeline,
    bus: SharedBus,
    collectors: Vec<Service>,
    sessionizers: Vec<Service>,
    lake_writers: Vec<Service>,
    traffic: Traffic,
}

/// Says stop however a life ends, so that a failure does not wait for visitors.
struct StopsAtTheEnd<'a>(&'a AtomicBool);

impl Drop for StopsAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Life<'a> {
    /// Everything runs when this returns. A single instance has a name, so that its restart takes its own place; of two
    /// each takes over from the other.
    pub(crate) fn begin(brokers: &'a mut [Broker], prefix: &str, instances: usize) -> Self {
        let settings =
            WindowSettings { gap: Span::from_secs(60), lateness: Span::from_secs(60), ..WindowSettings::default() };
        let pipeline = Pipeline::new(brokers, prefix, &WINDOWS, settings);
        let numbers = || 0..instances;
        let (mut collectors, urls): (Vec<_>, Vec<_>) =
            numbers().map(|n| pipeline.collector(&format!("collector-{n}"))).unzip();
        let mut sessionizers: Vec<_> = numbers().map(|n| pipeline.sessionizer(&format!("sessionizer-{n}"))).collect();
        let mut lake_writers: Vec<_> = numbers().map(|n| pipeline.lake_writer(&format!("lake-writer-{n}"))).collect();
        if instances == 1 {
            for service in [&mut sessionizers[0], &mut lake_writers[0]] {
                service.set_flag("--instance-id", "one");
            }
        }
        collectors.iter_mut().chain(&mut sessionizers).chain(&mut lake_writers).for_each(Service::start);
        collectors.iter_mut().chain(&mut sessionizers).chain(&mut lake_writers).for_each(Service::wait_until_ready);
        let bus = pipeline.log();
        let traffic = Traffic::new(urls, Duration::from_millis(30));
        Self { brokers, pipeline, bus, collectors, sessionizers, lake_writers, traffic }
    }

    /// All blows under load, then a drain, then the judgement.
    pub(crate) fn run(mut self, rounds: &[Round], tally: &mut Tally) {
        let stop = AtomicBool::new(false);
        let mut first_of_round = Vec::new();
        let traffic = std::mem::replace(&mut self.traffic, Traffic::new(Vec::new(), Duration::ZERO));
        std::thread::scope(|scope| {
            let _stops = StopsAtTheEnd(&stop);
            scope.spawn(|| traffic.run(4, &stop));
            self.wait_for_flow("at first");
            for &round in rounds {
                first_of_round.push((traffic.next(), round));
                let started = Instant::now();
                self.strike(round, &traffic);
                self.wait_for_flow(&format!("after {round}"));
                eprintln!("{round}: {:?}, {} acknowledged", started.elapsed(), traffic.count());
            }
        });
        self.make_all_final();
        self.judge(&traffic, &first_of_round, tally);
    }

    fn strike(&mut self, Round { target, blow, .. }: Round, traffic: &Traffic) {
        if blow == Blow::Guest {
            return self.receive(target);
        }
        let service = match target {
            Target::Broker => return self.strike_broker(blow),
            Target::TwoBrokers => return self.strike_two_brokers(traffic),
            Target::Collector => &mut self.collectors[0],
            Target::Sessionizer => &mut self.sessionizers[0],
            Target::LakeWriter => &mut self.lake_writers[0],
        };
        match blow {
            Blow::Kill => {
                service.kill();
                service.start();
            }
            Blow::Freeze => {
                service.signal("STOP");
                std::thread::sleep(SESSION_TIMEOUT + Duration::from_secs(2));
                service.signal("CONT");
            }
            Blow::Stop => {
                assert!(service.stop().success(), "it did not end in good order: {}", service.log());
                service.start();
            }
            Blow::Guest => unreachable!("nobody is struck"),
        }
        service.wait_until_ready();
    }

    /// Partitions move to a further instance, and back.
    fn receive(&self, target: Target) {
        let mut guest = match target {
            Target::LakeWriter => self.pipeline.lake_writer("guest-lake-writer"),
            _ => self.pipeline.sessionizer("guest-sessionizer"),
        };
        guest.start_and_wait();
        self.wait_for_flow("with a guest");
        assert!(guest.stop().success(), "it did not end in good order: {}", guest.log());
    }

    fn strike_two_brokers(&mut self, traffic: &Traffic) {
        let before = traffic.repeated();
        self.brokers[..2].iter_mut().for_each(Broker::kill);
        // Who is asked to keep something says that it cannot.
        wait_at_most(RECOVERY, "a refusal", &mut || traffic.repeated() > before + 4);
        self.brokers[..2].iter_mut().for_each(Broker::restart_without_waiting);
        self.brokers[..2].iter_mut().for_each(Broker::wait_until_started);
    }

    fn strike_broker(&mut self, blow: Blow) {
        // The others of a cluster may take over from one that is frozen.
        let freeze = if self.brokers.len() > 1 { 2 * BROKER_SESSION } else { BROKER_FREEZE };
        let broker = &mut self.brokers[0];
        match blow {
            Blow::Kill => {
                broker.kill();
                broker.restart();
            }
            Blow::Freeze => {
                broker.pause();
                std::thread::sleep(freeze);
                broker.resume();
            }
            Blow::Stop => broker.restart(),
            Blow::Guest => unreachable!("brokers stay among themselves"),
        }
    }

    /// Waits until hits that come now go all the way.
    fn wait_for_flow(&self, when: &str) {
        let (enriched, files) = (self.enriched(), self.files());
        wait_at_most(RECOVERY, &format!("a flow {when}"), &mut || {
            self.enriched() > enriched + 20 && self.files() > files
        });
    }

    fn enriched(&self) -> i64 {
        let end = |partition| self.bus.bounds(Source { topic: Topic::HitsEnriched, partition }).map_or(0, |b| b.end.0);
        (0..self.bus.partitions()).map(end).sum()
    }

    fn files(&self) -> usize {
        lake::files(&self.pipeline.lake().join("hits"), "parquet").len()
    }

    /// The sessionizers start again with windows under which everything is final within seconds. The log says so itself, so
    /// that the model knows.
    fn make_all_final(&mut self) {
        for service in &mut self.sessionizers {
            assert!(service.stop().success(), "it did not end in good order: {}", service.log());
        }
        for service in &mut self.sessionizers {
            LAST_WINDOWS.iter().for_each(|(flag, value)| service.set_flag(flag, value));
            service.start();
        }
        let bus = self.bus.clone();
        wait_at_most(RECOVERY, "every hit in a final session", &mut || {
            let sessions = (0..bus.partitions()).flat_map(|n| reference::records(&bus, Topic::Sessions, n));
            let hits = sessions.map(|record| {
                let session: events::Session<'_> = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
                i64::from(session.hit_count)
            });
            hits.sum::<i64>() == count(&bus, Topic::HitsEnriched) as i64
        });
        self.pipeline.wait_for_the_lake(&self.bus);
        for service in self.collectors.iter_mut().chain(&mut self.sessionizers).chain(&mut self.lake_writers) {
            assert!(service.stop().success(), "it did not end in good order: {}", service.log());
        }
    }

    fn judge(&self, traffic: &Traffic, first_of_round: &[(u64, Round)], tally: &mut Tally) {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for table in ["hits", "late"] {
            for row in lake::rows(&self.pipeline.lake(), table) {
                *times.entry(lake::text(&row, "hit_id").unwrap()).or_default() += 1;
            }
        }
        let acknowledged = traffic.acknowledged();
        let missing: BTreeSet<_> = acknowledged.iter().filter(|id| !times.contains_key(*id)).cloned().collect();
        let doubled: BTreeSet<_> = times.iter().filter(|&(_, &times)| times > 1).map(|(id, _)| id.clone()).collect();
        let differences = self.differences();
        tally.faults.extend(missing.iter().map(|id| format!("missing: {id}")));
        tally.faults.extend(doubled.iter().map(|id| format!("doubled: {id}")));
        tally.faults.extend(differences.iter().cloned());
        let verified = self.pipeline.verify();
        if !verified.status.success() {
            tally.faults.push(format!("verify: {}", String::from_utf8_lossy(&verified.stdout)));
        }
        let of_round = |ids: &BTreeSet<String>, from: u64, to: u64| {
            let number = |id: &str| u64::from_str_radix(id.rsplit_once('-').unwrap().1, 16).unwrap();
            ids.iter().filter(|id| (from..to).contains(&number(id))).count()
        };
        for (at, &(from, round)) in first_of_round.iter().enumerate() {
            // What was sent before the first blow counts with it.
            let from = if at == 0 { 0 } else { from };
            let to = first_of_round.get(at + 1).map_or(u64::MAX, |(next, _)| *next);
            let count = tally.kinds.entry(round).or_default();
            count.rounds += 1;
            count.acknowledged += of_round(&acknowledged, from, to);
            count.missing += of_round(&missing, from, to);
            count.doubled += of_round(&doubled, from, to);
            count.sessions_equal += usize::from(differences.is_empty());
        }
        eprintln!(
            "{} hits acknowledged, {} requests sent again, {} rows of hits and late, {} sessions",
            acknowledged.len(),
            traffic.repeated(),
            times.values().sum::<usize>(),
            lake::rows(&self.pipeline.lake(), "sessions").len()
        );
    }

    /// Held against the model, and to the byte against an engine that nobody disturbed.
    fn differences(&self) -> Vec<String> {
        let mut all = model::differences(&self.bus, self.pipeline.settings);
        for partition in 0..self.bus.partitions() {
            let log = reference::records(&self.bus, Topic::Hits, partition);
            for topic in [Topic::HitsEnriched, Topic::Sessions, Topic::Late] {
                let (_, expected) = reference::undisturbed(&log, partition, self.pipeline.settings, topic);
                let found = reference::records(&self.bus, topic, partition).into_iter();
                let found: Vec<_> = found.filter_map(|record| Some(record.value?.to_vec())).collect();
                if found != expected {
                    all.push(format!("{topic}/{partition} is not what an undisturbed engine puts out"));
                }
            }
        }
        all
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, blow, instances } = self;
        write!(f, "{target:?} {blow:?} of {instances}")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ("round", "rounds", "acknowledged", "missing", "doubled", "sessions equal");
        writeln!(f, "{:<28}{:>8}{:>14}{:>9}{:>9}{:>16}", header.0, header.1, header.2, header.3, header.4, header.5)?;
        let mut all = Count::default();
        let line = |f: &mut fmt::Formatter<'_>, name: &str, count: &Count| {
            let Count { rounds, acknowledged, missing, doubled, sessions_equal } = count;
            writeln!(f, "{name:<28}{rounds:>8}{acknowledged:>14}{missing:>9}{doubled:>9}{sessions_equal:>16}")
        };
        for (round, count) in &self.kinds {
            line(f, &round.to_string(), count)?;
            all.rounds += count.rounds;
            all.acknowledged += count.acknowledged;
            all.missing += count.missing;
            all.doubled += count.doubled;
            all.sessions_equal += count.sessions_equal;
        }
        line(f, "all", &all)?;
        self.faults.iter().take(20).try_for_each(|fault| writeln!(f, "{fault}"))
    }
}
