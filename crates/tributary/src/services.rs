//! The services: started alone as subcommands, or together as `up`.

use std::convert::Infallible;

use anyhow::Result;
use bus::SharedBus;
use clap::Args;
use collector::Collector;
use lake::Lake;
use service::{
    AdminArgs, BusArgs, Crew, EdgeArgs, Health, LakeArgs, LogArgs, Shutdown, WindowArgs, admin, listen, open_bus,
    telemetry,
};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

/// Takes hits over HTTP and puts them on the bus.
#[derive(Args, Clone, Debug)]
pub(crate) struct CollectorArgs {
    #[command(flatten)]
    edge: EdgeArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Turns the log of hits into sessions.
#[derive(Args, Clone, Debug)]
pub(crate) struct SessionizerArgs {
    #[command(flatten)]
    windows: WindowArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Writes the log's topics into the lake.
#[derive(Args, Clone, Debug)]
pub(crate) struct LakeWriterArgs {
    #[command(flatten)]
    lake: LakeArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// `tributary collector`: the same as the binary `collector`.
pub(crate) fn collector(args: &CollectorArgs) -> Result<()> {
    serve(&args.log, async |stage| {
        let bus = open_bus(&args.bus)?;
        let public = listen(args.edge.listen, "--listen").await?;
        tracing::info!(listen = %public.local_addr()?, bus = %args.bus.url(), "collecting");
        stage.collector(&args.edge, bus, public);
        stage.admin(listen(args.admin.admin, "--admin").await?)
    })
}

/// `tributary sessionizer`: the same as the binary `sessionizer`.
pub(crate) fn sessionizer(args: &SessionizerArgs) -> Result<()> {
    serve(&args.log, async |stage| {
        let bus = open_bus(&args.bus)?;
        tracing::info!(bus = %args.bus.url(), "sessionizing");
        stage.sessionizer(&args.windows, bus);
        stage.admin(listen(args.admin.admin, "--admin").await?)
    })
}

/// `tributary lake-writer`: the same as the binary `lake-writer`.
pub(crate) fn lake_writer(args: &LakeWriterArgs) -> Result<()> {
    serve(&args.log, async |stage| {
        let bus = open_bus(&args.bus)?;
        let place = args.lake.url(&args.bus.data);
        let lake = Lake::open(&place)?;
        tracing::info!(bus = %args.bus.url(), lake = place, "writing the lake");
        stage.lake_writer((&args.lake).into(), bus, lake);
        stage.admin(listen(args.admin.admin, "--admin").await?)
    })
}

/// Sets logs, metrics and signals up, lets the services be started, and works until they end.
pub(crate) fn serve(log: &LogArgs, start: impl AsyncFnOnce(&mut Stage) -> Result<()>) -> Result<()> {
    telemetry::init_log(log)?;
    // Before anything counts: what is counted without a recorder is lost.
    telemetry::install_metrics()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.cancel_on_signals()?;
        let mut stage = Stage { crew: Crew::new(&shutdown), health: Health::default() };
        start(&mut stage).await?;
        Ok(stage.crew.run().await?)
    })
}

/// Where services are started. They are stopped in the order in which they were.
pub(crate) struct Stage {
    crew: Crew,
    health: Health,
}

impl Stage {
    pub(crate) fn collector(&mut self, args: &EdgeArgs, bus: SharedBus, public: TcpListener) {
        let (collector, health) = (Collector::new(args, bus), self.health.clone());
        self.crew.task("collector", |stop| async move {
            collector.run(public, &health, stop).await;
            Ok::<_, Infallible>(())
        });
    }

    pub(crate) fn sessionizer(&mut self, args: &WindowArgs, bus: SharedBus) {
        let (config, health) = (sessionizer::Config::from(args), self.health.clone());
        self.crew.thread("sessionizer", move |stop| sessionizer::run(&config, &bus, &stop, &health).map(|_| ()));
    }

    pub(crate) fn lake_writer(&mut self, config: lake_writer::Config, bus: SharedBus, lake: Lake) {
        let (runtime, health) = (Handle::current(), self.health.clone());
        self.crew.thread("lake-writer", move |stop| {
            lake_writer::run(&config, &bus, &lake, &runtime, &stop, &health).map(|_| ())
        });
    }

    /// Last of all, so that a drain can be watched.
    pub(crate) fn admin(&mut self, private: TcpListener) -> Result<()> {
        let (metrics, health) = (telemetry::install_metrics()?, self.health.clone());
        tracing::info!(admin = %private.local_addr()?, "answering /live, /ready and /metrics");
        self.crew.task("admin", |stop| admin::serve(private, health, metrics, stop));
        Ok(())
    }
}
