//! A pipeline under load whose parts are struck one after the other, up to the judgement at its end.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bus::{SharedBus, Source};
use events::{Span, Topic, WindowSettings};
use kafka_broker::Broker;

use crate::blow::{Blow, Crew, Round, Target};
use crate::judgement::judge;
use crate::support::kafka::{BROKER_FREEZE, BROKER_SESSION, Pipeline, SESSION_TIMEOUT, count, wait_at_most};
use crate::support::load::StopsAtTheEnd;
use crate::support::service::Service;
use crate::support::{lake, reference};
use crate::tally::Tally;
use crate::traffic::Traffic;

/// Long enough that a copy which is sent again after the longest blow is still known; short enough for hits that come late
/// to become final sessions while blows fall.
const WINDOWS: [&str; 6] = ["--gap", "60s", "--lateness", "60s", "--idle-interval", "300ms"];

/// With these from some moment on, everything is final soon.
const LAST_WINDOWS: [(&str, &str); 2] = [("--gap", "1s"), ("--lateness", "1s")];

/// Longer than a transaction of a service may stay open, which is ten seconds.
const LONG_FREEZE: Duration = Duration::from_secs(12);

/// Longer than controllers wait for a broker.
const LONG_BROKER_FREEZE: Duration = BROKER_SESSION.saturating_add(Duration::from_secs(2));

/// How long it may take on a busy machine until everything flows again.
const RECOVERY: Duration = Duration::from_secs(120);

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

impl<'a> Life<'a> {
    /// Everything runs when this returns.
    pub(crate) fn begin(brokers: &'a mut [Broker], prefix: &str, Crew { instances, is_named }: Crew) -> Self {
        let settings =
            WindowSettings { gap: Span::from_secs(60), lateness: Span::from_secs(60), ..WindowSettings::default() };
        let pipeline = Pipeline::new(brokers, prefix, &WINDOWS, settings);
        let numbers = || 0..instances;
        let (mut collectors, urls): (Vec<_>, Vec<_>) =
            numbers().map(|n| pipeline.collector(&format!("collector-{n}"))).unzip();
        let mut sessionizers: Vec<_> = numbers().map(|n| pipeline.sessionizer(&format!("sessionizer-{n}"))).collect();
        let mut lake_writers: Vec<_> = numbers().map(|n| pipeline.lake_writer(&format!("lake-writer-{n}"))).collect();
        if is_named {
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
        let traffic = std::mem::replace(&mut self.traffic, Traffic::new(Vec::new(), Duration::ZERO));
        std::thread::scope(|scope| {
            let _stops = StopsAtTheEnd(&stop);
            scope.spawn(|| traffic.run(4, &stop));
            self.wait_for_flow("at first");
            for &round in rounds {
                tally.begin_round(traffic.next(), round);
                let started = Instant::now();
                self.strike(round, &traffic);
                self.wait_for_flow(&format!("after {round}"));
                tally.end_round(traffic.count());
                eprintln!("{round}: {:?}, {} acknowledged", started.elapsed(), traffic.count());
            }
        });
        self.make_all_final();
        judge(&mut self.pipeline, &self.bus, &traffic, tally);
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
            Blow::Freeze | Blow::LongFreeze => {
                let is_long = blow == Blow::LongFreeze;
                service.signal("STOP");
                std::thread::sleep(if is_long { LONG_FREEZE } else { SESSION_TIMEOUT + Duration::from_secs(2) });
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
        self.brokers[..2].iter_mut().for_each(Broker::kill);
        // Who is asked to keep something says that it cannot. Silence would not do, nor a connection that ends.
        let refusals = || traffic.answers(503);
        let before = refusals();
        wait_at_most(RECOVERY, "an answer of 503", &mut || refusals() > before);
        // What was acknowledged before the blow has reached everybody by now.
        let (acknowledged, so_far) = (traffic.count(), refusals());
        wait_at_most(RECOVERY, "503 for everybody", &mut || refusals() > so_far + 8);
        assert_eq!(traffic.count(), acknowledged, "one broker of three has kept something alone");
        self.brokers[..2].iter_mut().for_each(Broker::restart_without_waiting);
        self.brokers[..2].iter_mut().for_each(Broker::wait_until_started);
    }

    fn strike_broker(&mut self, blow: Blow) {
        // The others of a cluster may take over from one that is frozen.
        let freeze = match blow {
            Blow::LongFreeze => LONG_BROKER_FREEZE,
            _ if self.brokers.len() > 1 => 2 * BROKER_SESSION,
            _ => BROKER_FREEZE,
        };
        let broker = &mut self.brokers[0];
        match blow {
            Blow::Kill => {
                broker.kill();
                broker.restart();
            }
            Blow::Freeze | Blow::LongFreeze => {
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
}

impl Drop for Life<'_> {
    /// The brokers' side of a failure stands beside the services' logs, which the pipeline keeps, and where each service was.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for service in self.collectors.iter().chain(&self.sessionizers).chain(&self.lake_writers) {
                service.write_stacks();
            }
            for (number, broker) in self.brokers.iter().enumerate() {
                let _ = std::fs::write(self.pipeline.folder().join(format!("broker-{number}.log")), broker.log());
            }
        }
    }
}
