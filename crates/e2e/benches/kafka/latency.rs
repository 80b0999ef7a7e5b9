//! From a POST at the edge until the enriched hit can be read by somebody who sees committed records alone.

use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::Source;
use events::{NextOffset, Topic};
use kafka_broker::Broker;

use crate::cpu::Moment;
use crate::pipeline::Pipeline;
use crate::{setting, traffic};

pub(crate) const HITS_OF_A_REQUEST: usize = 50;
pub(crate) const CONNECTIONS: usize = 16;
/// Not measured: connections are made, caches are filled.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long the last hits may take to come out.
const TAIL: Duration = Duration::from_secs(30);

/// When which request is sent.
pub(crate) struct Plan {
    begins: Instant,
    every: Duration,
    requests: usize,
    measured_from: usize,
}

impl Plan {
    /// So many hits a second for so long, from now on.
    pub(crate) fn new(rate: usize, seconds: usize) -> Self {
        let every = Duration::from_secs(1) * HITS_OF_A_REQUEST as u32 / rate as u32;
        let measured_from = (WARM_UP.as_secs_f64() / every.as_secs_f64()) as usize;
        let requests = measured_from + (seconds as f64 / every.as_secs_f64()) as usize;
        Self { begins: Instant::now() + Duration::from_millis(500), every, requests, measured_from }
    }

    /// All hits, and those that are measured.
    pub(crate) fn hits(&self) -> usize {
        self.requests * HITS_OF_A_REQUEST
    }

    pub(crate) fn measured_hits(&self) -> usize {
        (self.requests - self.measured_from) * HITS_OF_A_REQUEST
    }

    /// When a request was due, if it is measured.
    pub(crate) fn measured(&self, request: usize) -> Option<Instant> {
        (request >= self.measured_from).then(|| self.due(request))
    }

    /// Whether the last hits should have come out.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.due(self.requests) + TAIL
    }

    /// When a request is due. Latencies count from here: one that is sent late because others were slow is slow itself.
    fn due(&self, request: usize) -> Instant {
        self.begins + self.every * request as u32
    }
}

pub(crate) fn run(broker: &Broker) {
    let (rate, seconds) = (setting("RATE", 10_000), setting("SECONDS", 20));
    let pipeline = Pipeline::new(broker, "latency");
    let mut collector = pipeline.service("collector", &["--listen", "127.0.0.1:0"]);
    let mut sessionizer = pipeline.service("sessionizer", &[]);
    collector.start_and_wait();
    sessionizer.start_and_wait();
    let url = format!("http://{}/collect", collector.said("listen").unwrap());

    let plan = Plan::new(rate, seconds);
    let (next, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (answers, late, hits) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let before = Moment::now(&[collector.pid(), sessionizer.pid(), broker.pid().unwrap()]);
    std::thread::scope(|scope| {
        for partition in 0..pipeline.bus.partitions() {
            let (plan, received, hits, pipeline) = (&plan, &received, &hits, &pipeline);
            scope.spawn(move || {
                let latencies = read(pipeline, partition, plan, received);
                hits.lock().unwrap().extend(latencies);
            });
        }
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let (mut answered, mut behind) = post(&url, &plan, &next);
                answers.lock().unwrap().append(&mut answered);
                late.lock().unwrap().append(&mut behind);
            });
        }
    });
    let used = before.used();
    let (answers, late, hits) = (answers.into_inner().unwrap(), late.into_inner().unwrap(), hits.into_inner().unwrap());
    let expected = plan.measured_hits();
    println!(
        "edge to session: {rate} hits/s for {seconds} s in requests of {HITS_OF_A_REQUEST}, {CONNECTIONS} connections"
    );
    println!("  {} of {expected} hits came out", hits.len());
    print("POST to enriched hit, readable", hits);
    print("POST to its answer", answers);
    print("requests sent behind their time", late);
    let [collector_used, sessionizer_used, broker_used, own_used] = used.processes[..] else { return };
    println!(
        "  cores: collector {:.2}, sessionizer {:.2}, broker {:.2}, load and readers {:.2}; {}",
        collector_used / used.seconds,
        sessionizer_used / used.seconds,
        broker_used / used.seconds,
        own_used / used.seconds,
        used.others()
    );
    for service in [&mut collector, &mut sessionizer] {
        assert!(service.stop().success(), "{}", service.log());
    }
    println!();
}

pub(crate) fn print(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at =
        |part: f64| latencies.get(((latencies.len() as f64 * part) as usize).min(latencies.len().saturating_sub(1)));
    let ms = |part| at(part).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0);
    println!("  {what:<32} p50 {:>6.0} ms   p99 {:>6.0} ms   most {:>6.0} ms", ms(0.5), ms(0.99), ms(1.0));
}

/// Sends requests when they are due. Returns, of those that are measured, when they were answered and how far they were
/// behind when they were sent.
pub(crate) fn post(url: &str, plan: &Plan, next: &AtomicUsize) -> (Vec<Duration>, Vec<Duration>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(15))).build().into();
    let browsers = traffic::real_agents();
    let (mut answered, mut behind) = (Vec::new(), Vec::new());
    loop {
        let request = next.fetch_add(1, Ordering::Relaxed);
        if request >= plan.requests {
            return (answered, behind);
        }
        let due = plan.due(request);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let late = due.elapsed();
        // Only who has a site's key may say another's user agent in the body.
        let browser = browsers[request % browsers.len()];
        let post = agent.post(url).header("content-type", "application/json").header("user-agent", browser);
        let mut answer = post.send(body(request)).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert!(text.contains(&format!("\"accepted\":{HITS_OF_A_REQUEST},")), "{text}");
        if request >= plan.measured_from {
            answered.push(due.elapsed());
            behind.push(late);
        }
    }
}

/// Hits of as many visitors as a small site's server would forward at once; each comes back a few times.
fn body(request: usize) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let mut text = format!("{{\"site\":\"shop.example\",\"sent_at\":{now},\"hits\":[");
    for n in request * HITS_OF_A_REQUEST..(request + 1) * HITS_OF_A_REQUEST {
        let visitor = n % 40_009;
        let comma = if n % HITS_OF_A_REQUEST == 0 { "" } else { "," };
        write!(
            text,
            "{comma}{{\"hit_id\":\"00000000-0000-4000-8000-{n:012x}\",\"visitor_id\":\"v{visitor}\",\"client_time\":{now},\
             \"url\":\"https://shop.example/products/{}\",\"title\":\"Page {}\",\"referrer\":\"https://www.google.com/\",\
             \"language\":\"en-GB\",\"screen\":\"1920x1080\"}}",
            n % 1500,
            n % 1500,
        )
        .unwrap();
    }
    text.push_str("]}");
    text
}

/// Reads a partition of the enriched hits until all partitions together brought everything.
fn read(pipeline: &Pipeline, partition: u32, plan: &Plan, received: &AtomicUsize) -> Vec<Duration> {
    let source = Source { topic: Topic::HitsEnriched, partition };
    let mut reader = pipeline.bus.read(source, NextOffset::START).unwrap();
    let mut latencies = Vec::new();
    while received.load(Ordering::Relaxed) < plan.hits() && !plan.is_over() {
        let records = reader.next(Duration::from_millis(100)).unwrap();
        let now = Instant::now();
        received.fetch_add(records.len(), Ordering::Relaxed);
        for record in &records {
            let text = std::str::from_utf8(record.value.as_deref().unwrap()).unwrap();
            let request = number(text.strip_prefix("{\"hit_id\":\"").unwrap()) / HITS_OF_A_REQUEST;
            latencies.extend(plan.measured(request).map(|due| now - due));
        }
    }
    latencies
}

/// The number in a hit's id.
pub(crate) fn number(id: &str) -> usize {
    usize::from_str_radix(&id.strip_prefix("00000000-0000-4000-8000-").unwrap()[..12], 16).unwrap()
}
