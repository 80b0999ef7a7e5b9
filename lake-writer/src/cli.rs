//! The lake-writer as a command: its flags, and how it starts. `lake-writer` and `tributary lake-writer` are this.

use bus::SharedBus;
use clap::Args;
use lake::{Access, Lake};
use service::{
    AdminArgs, BusArgs, DrainArgs, HasSettings, LakeArgs, LogArgs, MemberArgs, Stage, Together, listen, open_bus, serve,
};
use tokio::runtime::Handle;

use crate::Config;

/// Writes the log's topics into the lake.
#[derive(Args, Clone, Debug)]
pub struct LakeWriterArgs {
    /// Which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Which log.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Which of the group's members it is.
    #[command(flatten)]
    pub member: MemberArgs,
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

impl HasSettings for LakeWriterArgs {
    fn together(&self) -> Together<'_> {
        Together { bus: Some(&self.bus), lake: Some(&self.lake), is_live: true, ..Together::default() }
    }
}

/// Works until it is told to stop.
pub fn run(args: &LakeWriterArgs) -> anyhow::Result<()> {
    serve(&args.log, args.drain, async |stage| {
        let place = args.lake.url(&args.bus.data);
        let lake = Lake::open(&place, Access::Write).await?;
        let bus = open_bus(&args.bus)?;
        stage.watch(&bus, true);
        tracing::info!(bus = %args.bus.url(), lake = place, "writing the lake");
        let config =
            Config { instance: args.member.instance_id.clone(), ..Config::new(&args.lake, args.bus.retention) };
        start(stage, config, bus, lake);
        Ok(stage.admin(listen(args.admin.admin, "--admin").await?)?)
    })
}

/// Starts the lake-writer beside whatever else the process does. Call it from within the runtime.
pub fn start(stage: &mut Stage, config: Config, bus: SharedBus, lake: Lake) {
    let (runtime, health) = (Handle::current(), stage.health.clone());
    stage
        .crew
        .thread("lake-writer", move |stop| crate::run(&config, &bus, &lake, &runtime, &stop, &health).map(|_| ()));
}
