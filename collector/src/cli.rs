//! The collector as a command: its flags, and how it starts. `collector` and `tributary collector` are this.

use std::convert::Infallible;

use bus::SharedBus;
use clap::Args;
use service::{AdminArgs, BusArgs, EdgeArgs, LogArgs, Stage, listen, open_bus, serve};
use tokio::net::TcpListener;

use crate::Collector;

/// Takes hits over HTTP and puts them on the bus.
#[derive(Args, Clone, Debug)]
pub struct CollectorArgs {
    /// The public port.
    #[command(flatten)]
    pub edge: EdgeArgs,
    /// Which log.
    #[command(flatten)]
    pub bus: BusArgs,
    /// The admin port.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// What it says about itself.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Works until it is told to stop.
pub fn run(args: &CollectorArgs) -> anyhow::Result<()> {
    serve(&args.log, async |stage| {
        let bus = open_bus(&args.bus)?;
        stage.watch(&bus, true);
        let public = listen(args.edge.listen, "--listen").await?;
        tracing::info!(listen = %public.local_addr()?, bus = %args.bus.url(), "collecting");
        start(stage, &args.edge, bus, public);
        Ok(stage.admin(listen(args.admin.admin, "--admin").await?)?)
    })
}

/// Starts the collector beside whatever else the process does.
pub fn start(stage: &mut Stage, args: &EdgeArgs, bus: SharedBus, public: TcpListener) {
    let (collector, health) = (Collector::new(args, bus), stage.health.clone());
    stage.crew.task("collector", |stop| async move {
        collector.run(public, &health, stop).await;
        Ok::<_, Infallible>(())
    });
}
