//! The sessionizer as a command: its flags, and how it starts. `sessionizer` and `tributary sessionizer` are this.

use bus::SharedBus;
use clap::Args;
use service::{
    AdminArgs, BusArgs, DrainArgs, HasSettings, LogArgs, MemberArgs, Stage, StepArgs, Together, WindowArgs, listen,
    open_bus, serve,
};

use crate::Config;

/// Turns the log of hits into sessions.
#[derive(Args, Clone, Debug)]
pub struct SessionizerArgs {
    /// Session windows.
    #[command(flatten)]
    pub windows: WindowArgs,
    /// How much is committed at once.
    #[command(flatten)]
    pub steps: StepArgs,
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

impl HasSettings for SessionizerArgs {
    fn together(&self) -> Together<'_> {
        Together { bus: Some(&self.bus), windows: Some(&self.windows), is_live: true, ..Together::default() }
    }
}

/// Works until it is told to stop.
pub fn run(args: &SessionizerArgs) -> anyhow::Result<()> {
    serve(&args.log, args.drain, async |stage| {
        let bus = open_bus(&args.bus)?;
        stage.watch(&bus, true);
        tracing::info!(bus = %args.bus.url(), "sessionizing");
        let config = Config::from(&args.windows).in_steps(&args.steps);
        let config = Config { instance: args.member.instance_id.clone(), ..config };
        start(stage, config, bus);
        Ok(stage.admin(listen(args.admin.admin, "--admin").await?)?)
    })
}

/// Starts the sessionizer beside whatever else the process does.
pub fn start(stage: &mut Stage, config: Config, bus: SharedBus) {
    let health = stage.health.clone();
    stage.crew.thread("sessionizer", move |stop| crate::run(&config, &bus, &stop, &health).map(|_| ()));
}
