//! A log that grows: what it holds at each stage, made once, and copied for whoever is to own it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bus::Bus;
use bus::Outgoing;
use bus::embedded::{Durability, EmbeddedBus, Options};
use events::{LogId, Timestamp, Topic};
use tempfile::TempDir;

pub(crate) const PARTITIONS: u32 = 2;

/// Batches of one row each that every lake begins with, enough of them to be folded.
pub(crate) const OLD_REJECTIONS: usize = 104;

/// Hits of a stage; the others are late.
const HITS: u64 = 10;
const LATE: u64 = 2;

/// The log at each stage, and the ids of hits and late hits that it holds by then.
pub(crate) struct Log {
    folder: TempDir,
    ids: Vec<BTreeSet<String>>,
}

impl Log {
    /// Stage 0 holds rejections alone; each further one has some records more of each table.
    pub(crate) fn new(stages: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Self { folder, ids: Vec::new() };
        let first: Vec<_> = (0..OLD_REJECTIONS as u64).map(|n| outgoing(Topic::Rejected, 0, n, rejection(n))).collect();
        log.grow(first, BTreeSet::new());
        let mut ids = BTreeSet::new();
        for stage in 1..=stages as u64 {
            let mut records = Vec::new();
            for n in stage * 100..stage * 100 + HITS {
                records.push(outgoing(Topic::HitsEnriched, n, n, hit(n, r#""is_bot":false"#)));
                ids.insert(hit_id(n));
            }
            for n in stage * 100 + HITS..stage * 100 + HITS + LATE {
                records.push(outgoing(Topic::Late, n, n, hit(n, r#""late_reason":"too_old""#)));
                ids.insert(hit_id(n));
            }
            records.push(outgoing(Topic::Sessions, stage, stage, session(stage)));
            records.push(outgoing(Topic::Rejected, 1, stage, rejection(stage)));
            log.grow(records, ids.clone());
        }
        log
    }

    fn grow(&mut self, records: Vec<Outgoing>, ids: BTreeSet<String>) {
        let stage = self.ids.len();
        if stage > 0 {
            self.copy(stage - 1, &self.at(stage));
        }
        let log_id = Some(LogId::try_from("log1".to_owned()).unwrap());
        let durability = Durability::Unsynced;
        let options = Options { partitions: PARTITIONS, log_id, durability, ..Options::at(self.at(stage)) };
        let bus = EmbeddedBus::open(options).unwrap();
        futures::executor::block_on(bus.publish(records)).unwrap();
        self.ids.push(ids);
    }

    /// Where a stage lies. It has no owner: `verify` reads it.
    pub(crate) fn at(&self, stage: usize) -> PathBuf {
        self.folder.path().join(stage.to_string())
    }

    /// A copy of a stage, to be owned by one process.
    pub(crate) fn copy(&self, stage: usize, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(self.at(stage)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }

    /// The hits that a stage holds, late ones among them.
    pub(crate) fn ids(&self, stage: usize) -> &BTreeSet<String> {
        &self.ids[stage]
    }
}

/// On two days.
fn time(n: u64) -> Timestamp {
    Timestamp::from_millis(1_431_864_000_000 + (n % 2 * 86_400_000 + n) as i64)
}

fn outgoing(topic: Topic, partition: u64, n: u64, value: String) -> Outgoing {
    let partition = Some((partition % u64::from(PARTITIONS)) as u32);
    Outgoing { topic, partition, key: None, value: value.into(), append_time: Some(time(n)) }
}

fn hit_id(n: u64) -> String {
    format!("00000000-0000-7000-8000-{n:012x}")
}

fn hit(n: u64, more: &str) -> String {
    let (hit_id, time) = (hit_id(n), time(n));
    format!(
        r#"{{"hit_id":"{hit_id}","schema":"hit/1","site":"s{}","visitor_id":"v{}","type":"pageview","event_time":"{time}","received_at":"{time}","time":"{time}","raw_offset":{n},{more}}}"#,
        n / 2 % 2,
        n % 7,
    )
}

fn rejection(n: u64) -> String {
    format!(r#"{{"reason":"too_long","time":"{}"}}"#, time(n / 2 * 2))
}

fn session(n: u64) -> String {
    let time = time(n);
    format!(
        r#"{{"session_id":"00000000-0000-8000-8000-{n:012x}","schema":"session/1","site":"s","visitor_id":"v{n}","start":"{time}","end":"{time}","duration_ms":0,"hit_count":1,"pageview_count":1,"event_count":0,"is_bounce":true,"engaged_ms":0,"pages":[],"channel":"direct","closed_by":"gap","partition":0,"first_offset":{n},"last_offset":{n},"closed_at":"{time}"}}"#
    )
}
