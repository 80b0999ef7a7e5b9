//! `tributary up`: collector, sessionizer and lake-writer in one process, until it is stopped.

pub mod banner;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use events::Span;
use lake::{Access, Lake};
use lake_writer::Flush;
use service::{
    AdminArgs, BusArgs, DrainArgs, EdgeArgs, HasSettings, LakeArgs, LogArgs, SpoolArgs, StepArgs, Together, WindowArgs,
    listen, open_bus_for_requests, serve,
};

use banner::{Places, banner};

/// Runs collector, sessionizer and lake-writer in one process, until Ctrl-C.
///
/// Ctrl-C (or SIGTERM) stops them in order: no more hits are taken, what was taken is finished, sessions and rows
/// are written. A second one stops at once; the next start goes on where it ended.
#[derive(Args, Clone, Debug)]
pub struct UpArgs {
    /// The public port.
    #[command(flatten)]
    pub edge: EdgeArgs,
    /// Where hits wait while the bus is away.
    #[command(flatten)]
    pub spool: SpoolArgs,
    /// Session windows.
    #[command(flatten)]
    pub windows: WindowArgs,
    /// How much the sessionizer commits at once.
    #[command(flatten)]
    pub steps: StepArgs,
    /// Which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Which log.
    #[command(flatten)]
    pub bus: BusArgs,
    /// The admin port.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// How it ends.
    #[command(flatten)]
    pub drain: DrainArgs,
    /// What it says about itself.
    #[command(flatten)]
    pub log: LogArgs,
}

impl HasSettings for UpArgs {
    fn together(&self) -> Together<'_> {
        Together {
            bus: Some(&self.bus),
            edge: Some(&self.edge),
            spool: Some(&self.spool),
            windows: Some(&self.windows),
            lake: Some(&self.lake),
            is_live: true,
        }
    }
}

/// Works until it is told to stop.
pub fn run(args: &UpArgs) -> Result<()> {
    serve(&args.log, args.drain, async |stage| {
        let bus = open_bus_for_requests(&args.bus, args.edge.publish_timeout)?;
        stage.watch(&bus, args.spool.spool.is_none());
        let place = args.lake.url(&args.bus.data);
        let lake = Lake::open(&place, Access::Write).await?;
        let public = listen(args.edge.listen, "--listen").await?;
        let private = listen(args.admin.admin, "--admin").await?;
        let places = Places {
            public: public.local_addr()?,
            is_tls: args.edge.tls.tls_certificate.is_some(),
            collect: args.edge.collect_path.clone(),
            tracker: args.edge.tracker_path.clone(),
            admin: private.local_addr()?,
            bus: args.bus.url().to_string(),
            lake: absolute(&place),
        };
        let config = lake_writer_config(&args.lake, args.bus.retention);
        let rows_within = config.flush.after(Duration::ZERO);
        collector::cli::start(stage, &args.edge, &args.spool, &args.bus, bus.clone(), public)?;
        sessionizer::cli::start(stage, sessionizer::Config::from(&args.windows).in_steps(&args.steps), bus.clone());
        lake_writer::cli::start(stage, config, bus, lake);
        stage.admin(private)?;
        // Nobody may be reading; that is no reason not to work.
        let _ = io::stdout().lock().write_all(banner(&places, rows_within.as_secs()).as_bytes());
        Ok(())
    })
}

/// Somebody may be trying it out: rows come soon at first, unless the flush interval was named.
fn lake_writer_config(args: &LakeArgs, retention: Span) -> lake_writer::Config {
    let config = lake_writer::Config::new(args, retention);
    if args.flush_interval.is_some() { config } else { lake_writer::Config { flush: Flush::lively(), ..config } }
}

/// A local path from the root, so that the line that reads the lake works in every folder.
fn absolute(lake: &str) -> String {
    if lake.contains("://") {
        return lake.to_owned();
    }
    std::path::absolute(Path::new(lake)).map_or_else(|_| lake.to_owned(), |path| path.to_string_lossy().into_owned())
}
