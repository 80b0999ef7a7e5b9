//! `tributary check`: is the file of sites right, and what would become of a hit under it?

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use collector::accept::Outcome;
use collector::policy::{Policy, PolicyError, SitesError};
use collector::trial::{Trial, header};
use events::Topic;
use service::{PolicyArgs, clock};

/// Says everything that is wrong with a file of sites, each thing with its line; or, with --hit, what would become of hits under
/// it.
///
/// Ends with 0 where the file is right and every hit would be taken, 1 where anything is wrong or would not be, 2 where a file
/// cannot be read.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The file of sites.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// File with the body of a request, as POST /collect takes it; `-` is standard input. A name that ends in .ndjson or
    /// .jsonl says that it has a hit a line, as the header `Content-Type: application/x-ndjson` does.
    #[arg(long, value_name = "FILE")]
    pub hit: Option<PathBuf>,
    /// A header of that request, such as `Origin: https://shop.example`; may be given several times.
    #[arg(long, value_name = "HEADER", value_parser = a_header)]
    pub header: Vec<String>,
    /// Address that the request comes from.
    #[arg(long, value_name = "ADDR", default_value = "192.0.2.1")]
    pub address: IpAddr,
}

/// Prints what was found; `true` where nothing is wrong.
pub fn run(args: &CheckArgs) -> Result<bool> {
    let policy = PolicyArgs { sites: Some(args.file.clone()), ..PolicyArgs::default() };
    let (text, is_right) = match Policy::open(&policy) {
        Err(PolicyError::Sites(SitesError::Wrong { path, problems })) => {
            (problems.iter().map(|problem| format!("{}: {problem}\n", path.display())).collect(), false)
        }
        Err(error) => return Err(error.into()),
        Ok(policy) => match &args.hit {
            None => (summary(&args.file, &policy), true),
            Some(hit) => try_hits(args, &policy, hit)?,
        },
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result?,
    }
    Ok(is_right)
}

fn summary(file: &Path, policy: &Policy) -> String {
    let rules = policy.rules();
    let names: Vec<_> = rules.sites().iter().map(|(name, _)| name).collect();
    format!("{}: right; sites: {}\n", file.display(), if names.is_empty() { "none".into() } else { names.join(", ") })
}

fn body(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut body = Vec::new();
        io::stdin().read_to_end(&mut body).context("standard input")?;
        return Ok(body);
    }
    std::fs::read(path).with_context(|| format!("--hit {}", path.display()))
}

fn try_hits(args: &CheckArgs, policy: &Policy, hit: &Path) -> Result<(String, bool)> {
    let (body, mut headers, received_at) = (body(hit)?, args.header.clone(), clock::system()());
    let has_lines = hit.extension().is_some_and(|kind| kind == "ndjson" || kind == "jsonl");
    let says_so = headers.iter().any(|header| header.to_ascii_lowercase().starts_with("content-type"));
    if has_lines && !says_so {
        headers.push("Content-Type: application/x-ndjson".to_owned());
    }
    let trial = Trial { address: args.address, headers: &headers, body: &body, received_at };
    Ok(match trial.run(policy) {
        Ok(outcome) => (verdicts(&outcome), outcome.rejected.is_empty()),
        Err(error) => (format!("rejected: {error}\n"), false),
    })
}

/// A line for each hit; of one that would be taken, its record below it.
fn verdicts(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut taken = outcome.records.iter().filter(|record| record.topic == Topic::Hits);
    for index in 0..outcome.accepted + outcome.rejected.len() {
        let written = match outcome.rejected.iter().find(|(place, _)| *place == index) {
            Some((_, invalid)) if invalid.pointer.is_empty() => {
                writeln!(text, "hit {index}: rejected: {}: {invalid}", invalid.reason)
            }
            Some((_, invalid)) => {
                writeln!(text, "hit {index}: rejected: {} at {}: {invalid}", invalid.reason, invalid.pointer)
            }
            None => {
                let record =
                    taken.next().map_or_else(Default::default, |record| String::from_utf8_lossy(&record.value));
                writeln!(text, "hit {index}: taken\n  {record}")
            }
        };
        written.expect("writing to a text does not fail");
    }
    text
}

/// Checks a header that is given as a flag.
pub(crate) fn a_header(line: &str) -> Result<String, String> {
    header(line).map(|_| line.to_owned()).ok_or_else(|| format!("`{line}` is no header: write 'Name: value'"))
}
