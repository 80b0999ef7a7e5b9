//! `tributary replay`: files through the same path as live hits, bounded and without a clock.
//!
//! ```text
//! files ─▶ input ─▶ publish ─▶ a bus of its own ─▶ sessionizer ─▶ lake-writer ─▶ lake
//! ```

pub mod args;
pub mod bus;
pub mod input;
pub mod log_id;
mod pipeline;
mod progress;
pub mod publish;
pub mod summary;

use std::io::{self, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use events::Limits;
use lake::{Access, Lake};
use service::Shutdown;

use args::ReplayArgs;
use input::files::Files;
use input::format::{Format, LineReader};
use pipeline::Pipeline;
use summary::Summary;

/// Replays the files and says what became of them.
pub fn run(args: &ReplayArgs) -> Result<()> {
    let started = Instant::now();
    crate::quiet::init_log(&args.log)?;
    let reader = line_reader(args)?;
    let windows = sessionizer::Config::from(&args.windows).settings;

    let bar = progress::surveying();
    let files = Files::survey(&args.files, reader.clone(), &mut |bytes| bar.inc(bytes))?;
    bar.finish_and_clear();
    for (one, copy) in files.copies() {
        tracing::warn!("{} has the same content as {}: its lines count twice", copy.path.display(), one.path.display());
    }
    let log_id = log_id::log_id(&files.surveyed, &reader, &windows, args.bus.partitions);
    tracing::info!(%log_id, bytes = files.bytes(), "replaying");

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let shutdown = Shutdown::new();
    runtime.block_on(async { shutdown.cancel_on_signals() })?;
    let replay_bus = bus::open(&args.bus, log_id)?;
    let place = args.lake.url(&args.bus.data);
    let pipeline = Pipeline {
        args,
        windows,
        lake: runtime.block_on(Lake::open(&place, Access::Write))?,
        bus: replay_bus.bus.clone(),
        runtime: runtime.handle().clone(),
        shutdown,
    };
    let (read, outcome) = pipeline.run(&files)?;

    let summary = Summary::new(&read, &outcome, started.elapsed());
    eprint!("{}", summary::tell(&summary, &read, &outcome, args.windows.lateness, &place));
    if args.json {
        writeln!(io::stdout().lock(), "{}", serde_json::to_string(&summary)?)?;
    }
    Ok(())
}

fn line_reader(args: &ReplayArgs) -> Result<LineReader> {
    let format = args.format.parse::<Format>().with_context(|| {
        let files: Vec<_> = args.files.iter().map(|path| path.display().to_string()).collect();
        format!("cannot replay {}", files.join(", "))
    })?;
    Ok(LineReader { format, site: args.site.clone(), limits: Limits::default() })
}
