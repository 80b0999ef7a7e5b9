//! `tributary load`: asks a collector to keep a rate, and measures how long its answers take.
//!
//! The load is open: request k is due at a moment fixed beforehand, whatever became of those before it, and its latency
//! counts from that moment. A server that stands still for a second is charged for every request that was due meanwhile,
//! and not only for those that a waiting client happened to have in flight.

mod acknowledged;
pub mod args;
mod connection;
mod report;
mod tally;
mod target;
mod timetable;
mod visitors;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use acknowledged::Acknowledged;
use args::LoadArgs;
use connection::Connection;
use report::Report;
use tally::Tally;
use target::Target;
use timetable::Timetable;
use visitors::Visitors;

/// Loads a collector; whether every request that was due was sent and answered with 200, all its hits taken.
pub fn run(args: &LoadArgs) -> Result<bool> {
    crate::quiet::init_log(&args.log)?;
    let target = Target::find(&args.url, args.i_own_this_host)?;
    let acknowledged = args.acknowledged.as_deref().map(Acknowledged::create).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(send(args, Arc::new(target), acknowledged.as_ref()))?;
    if let Some(acknowledged) = acknowledged {
        acknowledged.finish()?;
    }
    let text = if args.json { report.json() } else { report.text() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(report.is_clean())
}

/// Sends what the timetable says, over all connections, until it is through or somebody presses Ctrl-C.
async fn send(args: &LoadArgs, target: Arc<Target>, acknowledged: Option<&Acknowledged>) -> Result<Report> {
    let seed = args.seed.unwrap_or_else(random_seed);
    let timeout = args.timeout.to_std();
    let mut connections = Vec::new();
    for number in 0..args.connections {
        let share = args.visitors / args.connections + u32::from(number < args.visitors % args.connections);
        let visitors = Visitors::new(seed, number, share.max(1), &args.site);
        connections.push(Connection::new(target.clone(), visitors, args.batch, timeout, acknowledged.cloned()));
    }
    // The connections stand before the clock starts: browsers keep theirs.
    let opening = futures::future::join_all(connections.iter_mut().map(Connection::open)).await;
    if let Some(error) = opening.into_iter().find_map(Result::err) {
        return Err(error).with_context(|| format!("{} cannot be reached", target.url()));
    }

    let timetable = Timetable::start(args.rate, args.batch, args.duration.to_std(), timeout);
    let working: Vec<_> =
        connections.into_iter().map(|connection| tokio::spawn(connection.work(timetable.clone()))).collect();
    let stopper = tokio::spawn({
        let timetable = timetable.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                timetable.stop();
            }
        }
    });
    let mut tally = Tally::new();
    for connection in working {
        tally.add(&connection.await.context("a connection's task failed")?);
    }
    stopper.abort();
    Ok(Report::new(args, seed, &timetable, tally))
}

/// A run that nobody else had, unless `--seed` asks for it.
fn random_seed() -> u64 {
    // Small enough to be read in any JSON as it is.
    (uuid::Uuid::now_v7().as_u128() ^ u128::from(std::process::id())) as u64 & ((1 << 48) - 1)
}

/// Milliseconds with a microsecond's digits.
fn millis(latency: Duration) -> f64 {
    latency.as_micros() as f64 / 1000.0
}
