//! From a POST at the edge until the hit is a row that a stranger can read in the bucket.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use kafka_broker::Broker;

use crate::cpu::Moment;
use crate::latency::{self, CONNECTIONS, HITS_OF_A_REQUEST, Plan};
use crate::pipeline::Pipeline;
use crate::setting;
use crate::store::Store;

const FLUSH: &str = "5s";
/// Between two looks into the bucket.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) fn run(broker: &Broker) {
    let (rate, seconds) = (setting("ROW_RATE", 2_000), setting("SECONDS", 30));
    let (pipeline, store) = (Pipeline::new(broker, "to-row"), Store::start());
    let mut collector = pipeline.service("collector", &["--listen", "127.0.0.1:0"]);
    let mut sessionizer = pipeline.service("sessionizer", &[]);
    let mut writer = pipeline.service("lake-writer", &["--lake", &store.lake(), "--flush-interval", FLUSH]);
    writer.set_environment(store.server.variables());
    for service in [&mut collector, &mut sessionizer, &mut writer] {
        service.start_and_wait();
    }
    let url = format!("http://{}/collect", collector.said("listen").unwrap());

    let plan = Plan::new(rate, seconds);
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let before = Moment::now(&[collector.pid(), sessionizer.pid(), writer.pid()]);
    std::thread::scope(|scope| {
        scope.spawn(|| *rows.lock().unwrap() = read(&store, &plan));
        for _ in 0..CONNECTIONS {
            scope.spawn(|| latency::post(&url, &plan, &next));
        }
    });
    let used = before.used();
    let rows = rows.into_inner().unwrap();
    println!("edge to row: {rate} hits/s for {seconds} s, four partitions, --flush-interval {FLUSH}, versitygw");
    println!("  {} of {} hits became rows", rows.len(), plan.measured_hits());
    latency::print("POST to row, readable", rows);
    let [of_collector, of_sessionizer, of_writer, ..] = used.processes[..] else { return };
    println!(
        "  cores: collector {:.2}, sessionizer {:.2}, lake-writer {:.2}; {}",
        of_collector / used.seconds,
        of_sessionizer / used.seconds,
        of_writer / used.seconds,
        used.others()
    );
    for service in [&mut collector, &mut sessionizer, &mut writer] {
        assert!(service.stop().success(), "{}", service.log());
    }
    println!();
}

/// Looks into the bucket until every hit is there.
fn read(store: &Store, plan: &Plan) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut files, mut latencies, mut received) = (store.files(), Vec::new(), 0);
    while received < plan.hits() && !plan.is_over() {
        let ids = runtime.block_on(files.new_hits());
        let now = Instant::now();
        received += ids.len();
        let requests = ids.iter().map(|id| latency::number(id) / HITS_OF_A_REQUEST);
        latencies.extend(requests.filter_map(|request| Some(now - plan.measured(request)?)));
        std::thread::sleep(LOOK);
    }
    latencies
}
