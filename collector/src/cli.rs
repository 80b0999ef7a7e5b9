//! The collector as a command: its flags, and how it starts. `collector` and `tributary collector` are this.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context;
use bus::SharedBus;
use clap::Args;
use service::{
    AdminArgs, BusArgs, BusUrl, DrainArgs, EdgeArgs, HasSettings, LogArgs, OpenBusError, SpoolArgs, Stage, Together,
    clock, listen, open_bus_for_requests, serve,
};
use spool::Spool;
use tokio::net::TcpListener;

use crate::Collector;
use crate::late_bus::Late;
use crate::policy::Policy;
use crate::spooling::{Draining, SpooledBus};
use crate::tls::Tls;

/// Takes hits over HTTP and puts them on the bus.
#[derive(Args, Clone, Debug)]
pub struct CollectorArgs {
    /// The public port.
    #[command(flatten)]
    pub edge: EdgeArgs,
    /// Where hits wait while the bus is away.
    #[command(flatten)]
    pub spool: SpoolArgs,
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

impl HasSettings for CollectorArgs {
    fn together(&self) -> Together<'_> {
        Together {
            bus: Some(&self.bus),
            edge: Some(&self.edge),
            spool: Some(&self.spool),
            is_live: true,
            ..Together::default()
        }
    }
}

/// Works until it is told to stop.
pub fn run(args: &CollectorArgs) -> anyhow::Result<()> {
    serve(&args.log, args.drain, async |stage| {
        let (bus, late) = open(args).await?;
        // With a spool it can do its work while the bus is away.
        stage.watch(&bus, args.spool.spool.is_none());
        let public = listen(args.edge.listen, "--listen").await?;
        let listening = public.local_addr()?;
        start(stage, &args.edge, &args.spool, &args.bus, bus, public)?;
        tracing::info!(listen = %listening, bus = %args.bus.url(), "collecting");
        if let Some(late) = late {
            stage.crew.task("bus", |stop| late.come(stop));
        }
        Ok(stage.admin(listen(args.admin.admin, "--admin").await?)?)
    })
}

/// Opens the bus. Where there is a spool, the bus may come later: a collector that is started anew in the middle of an outage
/// takes hits at once. Not with a spool that is new: that is somebody's first try, who wants to hear of a wrong address.
async fn open(args: &CollectorArgs) -> Result<(SharedBus, Option<Late>), OpenBusError> {
    if !args.spool.spool.as_deref().is_some_and(Spool::is_at) {
        return Ok((open_bus_for_requests(&args.bus, args.edge.publish_timeout)?, None));
    }
    let mut late = Late::new(args.bus.clone(), args.edge.publish_timeout);
    match late.opened_within(args.spool.spool_after.to_std()).await {
        Some(Ok(bus)) => Ok((bus, None)),
        Some(Err(error)) if !error.is_away() => Err(error),
        _ => {
            tracing::warn!("starting without the bus, which does not answer; hits go to the spool until it does");
            Ok((late.bus(), Some(late)))
        }
    }
}

/// Starts the collector beside whatever else the process does, and what empties its spool behind it.
///
/// # Errors
///
/// Where the spool, the file of sites or the certificate cannot be used.
pub fn start(
    stage: &mut Stage,
    args: &EdgeArgs,
    spool: &SpoolArgs,
    bus_args: &BusArgs,
    log: SharedBus,
    public: TcpListener,
) -> anyhow::Result<()> {
    let (bus, draining) = match spooled(spool, bus_args, log.clone())? {
        Some((spooled, draining)) => (spooled as SharedBus, Some(draining)),
        None => (log.clone(), None),
    };
    let policy = Policy::open(&args.policy)?;
    // Past the spool, which is for hits.
    let sharing = policy.sharing(log, clock::system());
    let tls = Tls::open(&args.tls)?;
    let collector = Collector::new(args, policy.clone(), bus).with_tls(tls.clone());
    let health = stage.health.clone();
    stage.crew.task("collector", |stop| async move {
        if let Some(sharing) = &sharing {
            sharing.begin(&stop).await;
        }
        let agreeing = async {
            match sharing {
                Some(sharing) => sharing.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = collector.run(public, &health, stop) => {}
            never = agreeing => match never {},
        }
        Ok::<_, Infallible>(())
    });
    let following = policy.following()?;
    stage.crew.task("sites", |stop| async move {
        following.run(stop).await;
        Ok::<_, Infallible>(())
    });
    if let Some(following) = tls.map(Tls::following).transpose()? {
        stage.crew.task("certificate", |stop| async move {
            following.run(stop).await;
            Ok::<_, Infallible>(())
        });
    }
    if let Some(draining) = draining {
        stage.crew.task("spool", |stop| async move {
            draining.run(stop).await;
            Ok::<_, Infallible>(())
        });
    }
    Ok(())
}

/// The bus with a spool before it, where one is asked for.
fn spooled(
    args: &SpoolArgs,
    bus_args: &BusArgs,
    bus: SharedBus,
) -> anyhow::Result<Option<(Arc<SpooledBus>, Draining)>> {
    let Some(folder) = &args.spool else {
        if let BusUrl::Kafka(_) = bus_args.url() {
            tracing::info!("while Kafka is away, hits will be answered with 503; --spool DIR would keep them");
        }
        return Ok(None);
    };
    SpooledBus::open(args, bus, clock::system()).with_context(|| format!("--spool {}", folder.display()))
}
