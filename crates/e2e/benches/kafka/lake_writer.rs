//! What a row costs the lake-writer between Kafka and S3, and how much memory it takes at full load.

use std::time::Instant;

use ::service::metrics as name;
use events::Topic;
use kafka_broker::Broker;

use crate::cpu::{self, Moment};
use crate::pipeline::{PATIENCE, Pipeline};
use crate::service::Service;
use crate::store::Store;
use crate::{grouped, load, setting};

/// What a visitor to the lake waits for at most.
const FLUSH: &str = "5s";

pub(crate) fn run(broker: &Broker) {
    let pipeline = Pipeline::new(broker, "lake");
    let (hits, _) = load::visits(&pipeline.bus, setting("HITS", 1_000_000));
    let mut sessionizer = pipeline.service("sessionizer", &[]);
    sessionizer.start();
    pipeline.wait_for_group(&pipeline.ends(Topic::Hits));
    assert!(sessionizer.stop().success(), "{}", sessionizer.log());

    let store = Store::start();
    let mut writer = pipeline.service("lake-writer", &["--lake", &store.lake(), "--flush-interval", FLUSH]);
    writer.set_environment(store.server.variables());
    writer.start();
    let pid = writer.pid();
    let before = Moment::now(&[pid, broker.pid().unwrap(), store.server.pid().unwrap()]);
    wait_for_rows(&writer, hits);
    // From its first instruction on.
    let (used, seconds, threads) = (before.used(), cpu::of_process(pid), cpu::of_threads(pid));
    let (rows, files, bytes) =
        (all(&writer, name::LAKE_ROWS), all(&writer, name::LAKE_FILES), all(&writer, name::LAKE_BYTES));

    let micros = |seconds: f64| seconds * 1e6 / rows;
    println!(
        "lake-writer on Kafka and versitygw, --flush-interval {FLUSH}: {} rows of {} hits",
        grouped(rows as u64),
        grouped(hits)
    );
    println!("  {} rows per CPU-second; {:.2} us a row", grouped((rows / seconds) as u64), micros(seconds));
    println!(
        "  {} rows/s by the clock ({:.1} s); {}",
        grouped((rows / used.seconds) as u64),
        used.seconds,
        used.others()
    );
    println!("  broker {:.2} us a row, the store {:.2}", micros(used.processes[1]), micros(used.processes[2]));
    println!("  {files} files of {} KB, {:.1} bytes a row", grouped((bytes / files / 1000.0) as u64), bytes / rows);
    println!("  peak memory {} MiB", cpu::peak_mib(pid));
    println!("  CPU by thread, in the order in which they were started:");
    for (name, of_thread) in threads.iter().filter(|(_, of_thread)| *of_thread >= seconds / 100.0) {
        println!("    {name:<20} {:>6.2} us a row  {:>4.0} %", micros(*of_thread), of_thread / seconds * 100.0);
    }
    assert!(writer.stop().success(), "{}", writer.log());
    println!();
}

/// Waits until each hit is a row, of `hits` or of `late`.
fn wait_for_rows(writer: &Service, hits: u64) {
    let started = Instant::now();
    let rows = || ["hits", "late"].map(|table| of_table(writer, name::LAKE_ROWS, table)).iter().sum::<f64>();
    while rows() < hits as f64 {
        assert!(started.elapsed() < PATIENCE, "{} rows of {hits}: {}", rows(), writer.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A counter over all tables.
fn all(writer: &Service, counter: &str) -> f64 {
    of_lines(writer, |line| line.starts_with(counter))
}

fn of_table(writer: &Service, counter: &str, table: &str) -> f64 {
    of_lines(writer, |line| line.starts_with(counter) && line.contains(&format!("table=\"{table}\"")))
}

/// The sum of the lines of `/metrics`; 0 while nobody answers.
fn of_lines(writer: &Service, is_wanted: impl Fn(&str) -> bool) -> f64 {
    let page = writer.get("metrics").map_or_else(String::new, |(_, page)| page);
    let values = page.lines().filter(|line| is_wanted(line)).filter_map(|line| line.rsplit_once(' '));
    values.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
}
