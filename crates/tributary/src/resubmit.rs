//! `tributary resubmit`: rejected hits, repaired or under better rules, sent to a collector again.

mod collector;
mod line;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use self::collector::Collector;
use self::line::{Line, hits};

/// The most hits of one request, and about the most bytes.
const HITS_AT_ONCE: usize = 100;
const BYTES_AT_ONCE: usize = 256 << 10;

/// Sends rejected hits in again: lines of `tributary tail rejected`, as they are (the site's rules were at fault) or with a
/// repaired `raw`, or hits, one a line.
///
/// A hit keeps its time and its visitor, and one without an id is given one that follows from its rejection: so what is sent
/// twice counts once. What only the first request knew (user agent, whole address, cookie) is gone. A rejection without its raw
/// body, or with the beginning alone, cannot be sent again.
///
/// Ends with 0 where every hit was taken, 1 where any was not or could not be sent, 2 where the collector cannot be reached.
#[derive(Args, Clone, Debug)]
pub struct ResubmitArgs {
    /// The lines; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// Where hits go.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/collect")]
    pub url: String,
    /// A header of each request, such as `X-Write-Key: KEY`; may be given several times. With a site's secret key
    /// (`Authorization: Bearer KEY`) hits also keep what their rejection says of their address.
    #[arg(long, value_name = "HEADER", value_parser = crate::check::a_header)]
    pub header: Vec<String>,
    /// Print the hits as they would be sent, one a line, and send nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// What became of them.
#[derive(Debug, Default)]
struct Tally {
    hits: u64,
    accepted: u64,
    /// Hits that the collector did not take.
    rejected: u64,
    /// Lines that are nothing to send.
    unsent: u64,
}

/// Sends what the lines hold; `true` where all of it was taken.
pub fn run(args: &ResubmitArgs) -> Result<bool> {
    let input: Box<dyn BufRead> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(&args.file).with_context(|| args.file.display().to_string())?))
    };
    let collector = Collector::new(&args.url, &args.header)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut tally = Tally::default();
    let mut waiting = Waiting::default();
    for (number, text) in (1..).zip(input.lines()) {
        let text = text.with_context(|| format!("{}, line {number}", args.file.display()))?;
        if text.trim().is_empty() {
            continue;
        }
        match hits(&Line { number, text: &text, speaks_for_others: collector.carries_a_key() }) {
            Ok(hits) if args.dry_run => hits.iter().try_for_each(|hit| writeln!(out, "{hit}"))?,
            Ok(hits) => {
                for hit in hits {
                    waiting.push(number, hit);
                    if waiting.is_full() {
                        waiting.send(&collector, &mut tally)?;
                    }
                }
            }
            Err(why) => {
                say(format_args!("line {number}: not sent: {why}"));
                tally.unsent += 1;
            }
        }
    }
    waiting.send(&collector, &mut tally)?;
    if !args.dry_run {
        let Tally { hits, accepted, rejected, unsent } = tally;
        writeln!(out, "{hits} hits sent: {accepted} taken, {rejected} rejected; {unsent} lines could not be sent")?;
    }
    out.flush()?;
    Ok(tally.rejected == 0 && tally.unsent == 0)
}

/// Tells a person. Where nobody reads it, the hits go on all the same.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Hits for the next request, each with the number of its line.
#[derive(Default)]
struct Waiting {
    hits: Vec<(u64, String)>,
    bytes: usize,
}

impl Waiting {
    fn push(&mut self, line: u64, hit: String) {
        self.bytes += hit.len();
        self.hits.push((line, hit));
    }

    fn is_full(&self) -> bool {
        self.hits.len() >= HITS_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    fn send(&mut self, collector: &Collector, tally: &mut Tally) -> Result<()> {
        let Self { hits, .. } = std::mem::take(self);
        if hits.is_empty() {
            return Ok(());
        }
        let body: String = hits.iter().map(|(_, hit)| format!("{hit}\n")).collect();
        let answer = collector.send(&body)?;
        tally.hits += hits.len() as u64;
        tally.accepted += answer.accepted;
        tally.rejected += answer.rejected.len() as u64;
        for rejected in answer.rejected {
            let line = hits.get(rejected.index).map_or(0, |(line, _)| *line);
            say(format_args!("line {line}: rejected: {rejected}"));
        }
        Ok(())
    }
}
