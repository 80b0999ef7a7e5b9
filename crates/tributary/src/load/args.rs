//! The flags of `tributary load`.

use std::path::PathBuf;

use clap::Args;
use events::Span;
use service::LogArgs;

/// Sends hits to a collector at a rate, and says how long its answers took.
///
/// The load is open: each request is due at a moment fixed beforehand, and its latency counts from that moment, also while
/// the collector stands still (no coordinated omission). Visitors look at a few pages each, with browsers' user agents;
/// hits of one visitor go one after the other over one kept connection. Nothing is sent again.
///
/// It only loads this machine: whatever --url names must be a loopback address, since a load that nobody asked for is an
/// attack. --i-own-this-host lifts that, for a host that is yours to load. Plain HTTP alone.
///
/// Ends with code 0 where every request that was due was answered with 200 and all its hits were taken, else with 1.
#[derive(Args, Clone, Debug)]
pub struct LoadArgs {
    /// Where hits go.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080/collect")]
    pub url: String,
    /// Hits a second, all connections together.
    #[arg(long, value_name = "HITS", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub rate: u32,
    /// How long requests are due. Those that are still unsent then have as long as --timeout.
    #[arg(long, value_name = "SPAN", default_value = "10s")]
    pub duration: Span,
    /// Hits in one request.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: u32,
    /// Connections, kept open; each has one request on its way at most. What is due while all are busy waits, and its
    /// latency counts.
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub connections: u32,
    /// Visitors at a time; one who has seen a few pages leaves, and another comes.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub visitors: u32,
    /// The site that they visit.
    #[arg(long, value_name = "SITE", default_value = "load.example")]
    pub site: String,
    /// Longest time that an answer is waited for; then the connection is given up.
    #[arg(long, value_name = "SPAN", default_value = "15s")]
    pub timeout: Span,
    /// Chooses visitors, pages and the ids of hits; the same seed sends the same hits [default: another one each time].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Writes the id of every hit that was acknowledged to this file, one a line, as it comes.
    #[arg(long, value_name = "FILE")]
    pub acknowledged: Option<PathBuf>,
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Loads a host other than this machine: say it only of one that is yours to load.
    #[arg(long)]
    pub i_own_this_host: bool,
    /// What it says about itself.
    #[command(flatten)]
    pub log: LogArgs,
}
