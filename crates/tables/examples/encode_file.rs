//! One file of enriched hits, one a line, to Parquet: `encode_file HITS.ndjson OUT.parquet ZSTD_LEVEL`. Prints the processor
//! time that it took from the one file to the other, which is read line by line, as the others read it. tools/bench_encode.py holds other engines beside it.

#![expect(clippy::print_stdout, reason = "its answer")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use events::{LogId, NextOffset, Offset};
use tables::{Layout, Lineage, Table, TableBatch};

/// The time that this thread has had a processor, in seconds.
fn processor_time() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos / 1e9)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [hits, out, level] = &args[..] else { return Err("say HITS.ndjson OUT.parquet ZSTD_LEVEL".into()) };
    let layout = Layout { zstd_level: level.parse()?, ..Layout::default() };
    let begun = processor_time()?;
    let mut hits = BufReader::with_capacity(1 << 20, File::open(hits)?);
    let mut batch = TableBatch::new(Table::Hits);
    let mut hit = Vec::new();
    while hits.read_until(b'\n', &mut hit)? > 0 {
        batch.push(Offset(batch.rows() as i64), hit.trim_ascii_end())?;
        hit.clear();
    }
    let end = NextOffset(batch.rows() as i64);
    let lineage = Lineage { table: Table::Hits, log_id: LogId::from_bits(0), partition: 0, start: NextOffset(0), end };
    let files = batch.finish(&lineage, &layout)?;
    let [file] = &files[..] else { return Err("the hits are of several days".into()) };
    fs::write(out, &file.bytes)?;
    println!("{}", processor_time()? - begun);
    Ok(())
}
