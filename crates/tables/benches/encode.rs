//! NDJSON of enriched hits to sorted zstd Parquet: MB/s of input on one core.

use events::{LogId, NextOffset, Offset, Timestamp};
use tables::{Layout, Lineage, Table, TableBatch};

const HITS: i64 = 100_000;
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.107 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.9; rv:27.0) Gecko/20100101 Firefox/27.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 7_0 like Mac OS X) AppleWebKit/537.51.1 (KHTML, like Gecko) Version/7.0 Mobile/11A465 Safari/9537.53",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];

fn main() {
    divan::main();
}

/// A hit as the access log's are: a handful of user agents, many paths, few visitors with many hits.
fn hit(n: i64) -> String {
    let mixed = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let time = Timestamp::from_millis(1_431_864_000_000 + n * 137);
    let (visitor, agent, page) = (mixed % 5000, AGENTS[(mixed % 4) as usize], mixed % 977);
    format!(
        r#"{{"hit_id":"{:08x}-0000-7000-8000-{mixed:012x}","schema":"hit/1","site":"www.example.com","visitor_id":"{visitor:016x}","type":"pageview","event_time":"{time}","received_at":"{time}","url":"https://www.example.com/blog/post-{page}?page={}","referrer":"https://www.google.com/search?q=word{page}","user_agent":"{agent}","ip":"192.0.{}.{}","time":"{time}","raw_offset":{n},"session_id":"{visitor:08x}-0000-8000-8000-{page:012x}","session_seq":{},"path":"/blog/post-{page}","source":"google","medium":"organic","channel":"organic_search","browser":"Chrome","os":"Windows","device":"desktop","is_bot":false}}"#,
        n as u32,
        n % 7,
        visitor % 256,
        visitor / 256,
        n % 20 + 1,
    )
}

#[divan::bench(sample_count = 10)]
fn enriched_hits_to_zstd_parquet(bencher: divan::Bencher<'_, '_>) {
    let hits: Vec<String> = (0..HITS).map(hit).collect();
    let bytes: usize = hits.iter().map(|hit| hit.len() + 1).sum();
    let log_id = LogId::try_from("bench".to_owned()).expect("letters are a log id");
    let lineage = Lineage { table: Table::Hits, log_id, partition: 0, start: NextOffset(0), end: NextOffset(HITS) };
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench(|| {
        let mut batch = TableBatch::new(Table::Hits);
        for (offset, hit) in (0..).zip(&hits) {
            batch.push(Offset(offset), hit.as_bytes()).expect("the hit is a row");
        }
        batch.finish(&lineage, &Layout::default()).expect("the rows fit their schema")
    });
}

/// The hits of the file that `TOOLS_HITS` names, one enriched hit a line, eight times over; and what each takes in the file.
#[divan::bench(sample_count = 10)]
fn hits_of_a_file_to_zstd_parquet(bencher: divan::Bencher<'_, '_>) {
    let Some(path) = std::env::var_os("TOOLS_HITS") else { return };
    let text = std::fs::read_to_string(path).expect("TOOLS_HITS names a file");
    let hits: Vec<&str> = std::iter::repeat_n(text.lines(), 8).flatten().collect();
    let end = NextOffset(hits.len() as i64);
    let log_id = LogId::try_from("bench".to_owned()).expect("letters are a log id");
    let lineage = Lineage { table: Table::Hits, log_id, partition: 0, start: NextOffset(0), end };
    let encode = |hits: &[&str]| {
        let mut batch = TableBatch::new(Table::Hits);
        for (offset, hit) in (0..).zip(hits) {
            batch.push(Offset(offset), hit.as_bytes()).expect("the hit is a row");
        }
        batch.finish(&lineage, &Layout::default()).expect("the rows fit their schema")
    };
    let once = &hits[..hits.len() / 8];
    let bytes: usize = encode(once).iter().map(|file| file.bytes.len()).sum();
    eprintln!("{} hits are {bytes} bytes of Parquet, {:.1} each", once.len(), bytes as f64 / once.len() as f64);
    let bytes: usize = hits.iter().map(|hit| hit.len() + 1).sum();
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench(|| encode(&hits));
}

/// Reading alone, to see what of it is JSON and what is Parquet.
#[divan::bench(sample_count = 10)]
fn enriched_hits_to_columns(bencher: divan::Bencher<'_, '_>) {
    let hits: Vec<String> = (0..HITS).map(hit).collect();
    let bytes: usize = hits.iter().map(|hit| hit.len() + 1).sum();
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench(|| {
        let mut batch = TableBatch::new(Table::Hits);
        for (offset, hit) in (0..).zip(&hits) {
            batch.push(Offset(offset), hit.as_bytes()).expect("the hit is a row");
        }
        batch.rows()
    });
}
