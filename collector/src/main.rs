//! The collector as a process of its own.

use std::convert::Infallible;

use clap::Parser;
use collector::Collector;
use service::{
    AdminArgs, BusArgs, Crew, EdgeArgs, Health, LogArgs, Shutdown, admin, config, listen, open_bus, telemetry,
};

/// Takes hits over HTTP and puts them on the bus.
#[derive(Parser, Debug)]
#[command(name = "collector", version)]
struct Cli {
    #[command(flatten)]
    edge: EdgeArgs,
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
    let bus = open_bus(&cli.bus)?;
    let public = listen(cli.edge.listen, "--listen").await?;
    let private = listen(cli.admin.admin, "--admin").await?;
    tracing::info!(listen = %public.local_addr()?, admin = %private.local_addr()?, bus = %cli.bus.url(), "collecting");

    let mut crew = Crew::new(&shutdown);
    let collector = Collector::new(&cli.edge, bus);
    crew.task("collector", {
        let health = health.clone();
        |stop| async move {
            collector.run(public, &health, stop).await;
            Ok::<_, Infallible>(())
        }
    });
    crew.task("admin", |stop| admin::serve(private, health, metrics, stop));
    Ok(crew.run().await?)
}
