//! `tributary replay`: files through the same path as live hits, bounded, and without a clock but for lines that lie in the future.
//!
//! ```text
//! files ─▶ input ─▶ publish ─▶ a bus of its own ─▶ sessionizer ─▶ lake-writer ─▶ lake
//! ```

pub mod args;
pub mod backfill;
pub mod bus;
pub mod input;
mod latest;
pub mod log_id;
mod pipeline;
mod progress;
pub mod publish;
pub mod summary;
mod what;

use std::io::{self, Write};
use std::time::Instant;

use anyhow::Result;
use lake::{Access, Lake};
use service::Shutdown;

use args::ReplayArgs;
use pipeline::Pipeline;
use summary::Summary;
use what::What;

/// Replays the files, or a lake's hits, and says what became of them.
pub fn run(args: &ReplayArgs) -> Result<()> {
    let started = Instant::now();
    crate::quiet::init_log(&args.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let windows = sessionizer::Config::from(&args.windows).settings;
    let place = args.lake.url(&args.bus.data);

    let what = What::survey(args, &windows, &place, runtime.handle())?;
    let log_id = what.log_id(&windows, args.bus.partitions);
    tracing::info!(%log_id, bytes = what.bytes(), "replaying");

    let shutdown = Shutdown::new();
    runtime.block_on(async { shutdown.cancel_on_signals() })?;
    let lake = runtime.block_on(Lake::open(&place, Access::Write))?;
    if let What::Lake(_) = what {
        runtime.block_on(backfill::refuse_others(&lake, &place, &log_id))?;
    }
    let replay_bus = bus::open(&args.bus, log_id.clone())?;
    let pipeline = Pipeline {
        args,
        windows,
        lake,
        log_id,
        now: service::clock::system()(),
        bus: replay_bus.bus.clone(),
        runtime: runtime.handle().clone(),
        shutdown,
    };
    let (read, outcome) = pipeline.run(&what)?;

    let summary = Summary::new(&read, &outcome, started.elapsed());
    // Where it goes may be full: the rows stand, and that is what counts.
    let told = summary::tell(&summary, &read, &outcome, args.windows.lateness, &place);
    let _ = io::stderr().write_all(told.as_bytes());
    if args.json {
        writeln!(io::stdout().lock(), "{}", serde_json::to_string(&summary)?)?;
    }
    Ok(())
}
