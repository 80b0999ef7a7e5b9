//! The lake-writer's memory, of the real process, while every partition of every table has more than fits (P6).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::ffi::OsString;
use std::path::Path;

use bus::embedded::{Durability, EmbeddedBus, Options};
use bus::{Bus, Outgoing};
use bytes::Bytes;
use events::{Timestamp, Topic};
use support::lake::files;
use support::service::Service;

const MIB: u64 = 1 << 20;
const PARTITIONS: u32 = 16;
/// For rows on their way.
const MEMORY: u64 = 64 * MIB;
/// Two encoders with their columns' dictionaries and pages, what one poll hands over, and the program itself.
const BESIDES: u64 = 100 * MIB;
/// What is on the topics: several times what may be in memory.
const HITS: i64 = 300_000;

fn hit(n: i64) -> Outgoing {
    let (time, mixed) = (Timestamp::from_millis(1_431_864_000_000 + n), (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let value = format!(
        r#"{{"hit_id":"{:08x}-0000-7000-8000-{:012x}","schema":"hit/1","site":"shop.example","visitor_id":"{:016x}","type":"pageview","event_time":"{time}","received_at":"{time}","url":"https://shop.example/products/{mixed:x}?page={}","title":"Product {mixed:x} and more of it","referrer":"https://www.google.com/","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0","ip":"192.0.2.{}","props":{{"price":{n},"note":"{mixed:x}{mixed:x}{mixed:x}"}},"time":"{time}","raw_offset":{n},"session_id":"{:08x}-0000-8000-8000-{:012x}","session_seq":1,"path":"/products/{mixed:x}","channel":"organic_search","browser":"Firefox","os":"Linux","device":"desktop","is_bot":false}}"#,
        mixed as u32,
        mixed >> 16,
        mixed % 50_000,
        n % 9,
        n % 250,
        mixed as u32,
        mixed >> 20,
    );
    let partition = Some((n % i64::from(PARTITIONS)) as u32);
    Outgoing { topic: Topic::HitsEnriched, partition, key: None, value: Bytes::from(value), append_time: None }
}

fn fill(place: &Path) {
    let options = Options { partitions: PARTITIONS, durability: Durability::Unsynced, ..Options::at(place.to_owned()) };
    let bus = EmbeddedBus::open(options).unwrap();
    for some in (0..HITS).step_by(5000) {
        futures::executor::block_on(bus.publish((some..some + 5000).map(hit).collect())).unwrap();
    }
}

/// The most that a process had in memory, in bytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn the_lake_writers_memory_follows_its_bound_however_many_partitions_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (bus, lake) = (directory.path().join("bus"), directory.path().join("lake"));
    fill(&bus);
    let mut command: Vec<OsString> = vec!["lake-writer".into(), "--lake".into(), lake.clone().into(), "--bus".into()];
    command.push(format!("embedded:{}", bus.display()).into());
    command.extend(["--partitions", "16", "--memory", "64MiB", "--flush-interval", "1h"].map(OsString::from));
    let mut writer = Service::new(directory.path(), "lake-writer", command);
    writer.start_and_wait();
    // Nothing is due for an hour: it writes since memory is short, and what may gather stays until it ends.
    let gathered = || files(&lake.join("hits"), "parquet").len();
    writer.wait_for("writing", |_| gathered() >= PARTITIONS as usize);
    let peak = peak(writer.pid());
    assert!(writer.stop().success(), "{}", writer.log());
    println!("{} files, peak {} MiB", gathered(), peak / MIB);
    assert!(peak <= MEMORY + BESIDES, "peak {} MiB", peak / MIB);
}
