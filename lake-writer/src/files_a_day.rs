//! docs/lake.md's table of files a day: what the rules come to by which batches are cut, played through second by second.

use bus::Source;
use events::Topic;
use tables::Table;

use crate::config::Config;
use crate::memory::{Load, Stage};

const PARTITIONS: u32 = 4;
/// Bytes of a hit in memory and in a file, and what a file has besides, as measured on the hits of an access log.
const IN_MEMORY: usize = 1200;
const IN_FILE: u64 = 65;
const FOOTER: u64 = 20_000;
const SECONDS_OF_DAY: u64 = 86_400;
const DOCUMENT: &str = include_str!("../../docs/lake.md");

/// A steady flow of hits, and how the lake-writer is set.
struct Flow {
    hits_a_day: u64,
    flags: &'static str,
    memory: usize,
    interval: u64,
}

/// What a day comes to.
#[derive(Default)]
struct Files {
    by_interval: u64,
    by_size: u64,
}

#[derive(Clone, Copy, Default)]
struct Partition {
    hits: usize,
    /// When its oldest hit came, in seconds.
    since: u64,
}

impl Flow {
    /// The second of two days: by then the partitions are no longer in step.
    fn a_day(&self) -> Files {
        let config = Config { memory: self.memory, ..Config::default() };
        let full = config.rolling(Table::Hits, PARTITIONS).full_at();
        let (mut partitions, mut files) = ([Partition::default(); PARTITIONS as usize], Files::default());
        for second in 0..2 * SECONDS_OF_DAY {
            if second == SECONDS_OF_DAY {
                files = Files::default();
            }
            self.bring(&mut partitions, second);
            for partition in &mut partitions {
                let is_due = partition.hits > 0 && second - partition.since >= self.interval;
                let is_full = partition.hits * IN_MEMORY >= full;
                files.by_interval += u64::from(is_due);
                files.by_size += u64::from(is_full && !is_due);
                partition.hits *= usize::from(!is_due && !is_full);
            }
            while let Some(largest) = config.memory().to_cut(&loads(&partitions)) {
                partitions[largest.partition as usize].hits = 0;
                files.by_size += 1;
            }
        }
        files
    }

    /// The hits of a second, dealt to the partitions in turn.
    fn bring(&self, partitions: &mut [Partition], second: u64) {
        let before = |second: u64| second * self.hits_a_day / SECONDS_OF_DAY;
        for (at, partition) in (0..).zip(partitions) {
            let dealt = |hits: u64| (hits + u64::from(PARTITIONS) - 1 - at) / u64::from(PARTITIONS);
            let new = (dealt(before(second + 1)) - dealt(before(second))) as usize;
            partition.since = if partition.hits == 0 { second } else { partition.since };
            partition.hits += new;
        }
    }

    fn line(&self) -> String {
        let files = self.a_day();
        let count = files.by_interval + files.by_size;
        let bytes = self.hits_a_day / count * IN_FILE + FOOTER;
        let size =
            if bytes < 1_000_000 { format!("{} KB", bytes / 1000) } else { format!("{:.1} MB", bytes as f64 / 1e6) };
        let ends = if files.by_interval > files.by_size { "interval" } else { "memory" };
        let Self { hits_a_day, flags, .. } = self;
        format!("| {} | {flags} | {} | {size} | {ends} |", people(*hits_a_day), people(count.next_multiple_of(10)))
    }
}

fn loads(partitions: &[Partition]) -> Vec<Load> {
    let source = |partition| Source { topic: Topic::HitsEnriched, partition };
    let load = |(at, partition): (u32, &Partition)| Load {
        source: source(at),
        bytes: partition.hits * IN_MEMORY,
        stage: Stage::Gathers,
    };
    (0..).zip(partitions).map(load).collect()
}

/// `100 million`, `1,130`.
fn people(number: u64) -> String {
    match number {
        1_000_000.. => format!("{} million", number / 1_000_000),
        1000.. => format!("{},{:03}", number / 1000, number % 1000),
        _ => number.to_string(),
    }
}

#[test]
fn the_documents_files_a_day_are_what_the_rules_come_to() {
    const MIB: usize = 1 << 20;
    let flow = |hits_a_day, flags, memory, interval| Flow { hits_a_day, flags, memory, interval };
    let flows = [
        flow(100_000, "", 512 * MIB, 600),
        flow(1_000_000, "", 512 * MIB, 600),
        flow(10_000_000, "", 512 * MIB, 600),
        flow(100_000_000, "", 512 * MIB, 600),
        flow(100_000, "`--flush-interval 1h`", 512 * MIB, 3600),
        flow(1_000_000, "`--flush-interval 1h`", 512 * MIB, 3600),
        flow(10_000_000, "`--flush-interval 1h`", 512 * MIB, 3600),
        flow(100_000_000, "`--memory 4GiB`", 4096 * MIB, 600),
        flow(100_000_000, "`--memory 4GiB --flush-interval 1h`", 4096 * MIB, 3600),
    ];
    let table: Vec<String> = flows.iter().map(Flow::line).collect();
    let table = table.join("\n");
    assert!(DOCUMENT.contains(&table), "docs/lake.md does not say:\n{table}");
}
