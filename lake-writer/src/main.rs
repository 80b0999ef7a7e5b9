//! The lake-writer as a process of its own.

use clap::Parser;
use lake::Lake;
use service::{
    AdminArgs, BusArgs, Crew, Health, LakeArgs, LogArgs, Shutdown, admin, config, listen, open_bus, telemetry,
};
use tokio::runtime::Handle;

/// Writes the topics into the lake.
#[derive(Parser, Debug)]
#[command(name = "lake-writer", version)]
struct Cli {
    #[command(flatten)]
    lake: LakeArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    service::exit_code(run(config::parse_or_exit()).await)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    telemetry::init_log(&cli.log)?;
    let metrics = telemetry::install_metrics()?;
    let (shutdown, health) = (Shutdown::new(), Health::default());
    shutdown.cancel_on_signals()?;
    let url = cli.lake.url(&cli.bus.data);
    let lake = Lake::open(&url)?;
    let bus = open_bus(&cli.bus)?;
    let private = listen(cli.admin.admin, "--admin").await?;
    tracing::info!(admin = %private.local_addr()?, bus = %cli.bus.url(), lake = url, "writing");

    let mut crew = Crew::new(&shutdown);
    let config = lake_writer::Config::from(&cli.lake);
    crew.thread("lake-writer", {
        let (health, runtime) = (health.clone(), Handle::current());
        move |stop| lake_writer::run(&config, &bus, &lake, &runtime, &stop, &health).map(|_| ())
    });
    crew.task("admin", |stop| admin::serve(private, health, metrics, stop));
    Ok(crew.run().await?)
}
