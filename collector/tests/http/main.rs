//! The collector over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backend;
mod client;
mod double;
mod encoded;
mod http2;
mod lines;
mod malformed;
mod moody;
mod openapi;
mod pixel;
mod pressure;
mod refused;
mod routes;
mod schema;
mod sites;
mod spooled;
mod taken;
mod tls;
mod web_events;

use std::net::SocketAddr;
use std::sync::Arc;

use bus::SharedBus;
use clap::Parser;
use collector::Collector;
use collector::policy::Policy;
use collector::tls::Tls;
use events::{Timestamp, Uuid};
use service::{DrainArgs, EdgeArgs, Health, Shutdown, clock};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// 2026-11-02T00:00:00Z: when everything in these tests is received.
const NOW: Timestamp = Timestamp::from_millis(1_793_577_600_000);

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    edge: EdgeArgs,
    #[command(flatten)]
    drain: DrainArgs,
}

/// A collector that listens on a free port.
struct Running {
    address: SocketAddr,
    health: Health,
    shutdown: Shutdown,
    server: JoinHandle<()>,
}

impl Running {
    /// Starts one with flags of its own, such as `--max-body=1KiB`.
    async fn start(bus: SharedBus, flags: &[&str]) -> Self {
        let settings = Settings::parse_from(std::iter::once("collector").chain(flags.iter().copied()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let drain = settings.drain.drain_timeout.to_std();
        let (health, shutdown) = (Health::default(), Shutdown::with_drain(drain));
        let id = Uuid::from_u128(0x0190_a3f2_0000_7000_8000_0000_0000_0001);
        let tls = Tls::open(&settings.edge.tls).unwrap();
        let collector = Collector::new(&settings.edge, Policy::open(&settings.edge.policy).unwrap(), bus)
            .with_tls(tls)
            .with_clock_and_ids(clock::fixed(NOW), Arc::new(move |_| id));
        let server = tokio::spawn({
            let (health, shutdown) = (health.clone(), shutdown.clone());
            async move { collector.run(listener, &health, shutdown).await }
        });
        Self { address, health, shutdown, server }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.server.await.unwrap();
    }
}
