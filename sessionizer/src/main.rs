//! The sessionizer as a process of its own.

use clap::Parser;
use service::{
    AdminArgs, BusArgs, Crew, Health, LogArgs, Shutdown, WindowArgs, admin, config, listen, open_bus, telemetry,
};

/// Turns the log of hits into sessions.
#[derive(Parser, Debug)]
#[command(name = "sessionizer", version)]
struct Cli {
    #[command(flatten)]
    windows: WindowArgs,
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
    let private = listen(cli.admin.admin, "--admin").await?;
    tracing::info!(admin = %private.local_addr()?, bus = %cli.bus.url(), "sessionizing");

    let mut crew = Crew::new(&shutdown);
    let config = sessionizer::Config::from(&cli.windows);
    crew.thread("sessionizer", {
        let health = health.clone();
        move |stop| sessionizer::run(&config, &bus, &stop, &health).map(|_| ())
    });
    crew.task("admin", |stop| admin::serve(private, health, metrics, stop));
    Ok(crew.run().await?)
}
