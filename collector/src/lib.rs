//! The public edge: takes hits over HTTP and puts them on the bus.
//!
//! It trusts nobody (P7), and answers 2xx only when every hit that it accepted is durable (P1). It must never
//! know of sessions, files or the lake, and it never waits without a bound.
//!
//! One request's way: `server` takes the connection, [`tls`] may stand before it, and `connection` speaks its HTTP; `routes` finds the handler, `media`
//! tells what the body is, `read` gets it within its bounds (`room` says how much may be there at once) and `encoding`
//! unfolds it, [`body`] cuts it into hits, [`accept`] checks each, asks what its site says ([`policy`]) and makes its record
//! ([`time`] sets its event time, `claims` says whose word is taken for what), `intake` publishes and `answer` says what
//! became of it. `collect`, `pixel` and `web_events` are the ways in. `standing` tells `/ready` whether the bus takes what it
//! is given, and [`spooling`] is a bus that also takes it while the real one is away.

pub mod accept;
mod access_log;
mod answer;
pub mod body;
mod claims;
pub mod cli;
mod collect;
mod connection;
mod edge;
mod encoding;
mod intake;
mod late_bus;
mod media;
mod named_site;
mod openapi;
mod paths;
mod pixel;
pub mod policy;
mod pressure;
pub mod rates;
mod read;
mod room;
mod routes;
mod server;
pub mod spooling;
mod stamp;
mod standing;
pub mod time;
pub mod tls;
mod tracker;
pub mod trial;
mod web_events;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bus::SharedBus;
use events::{Timestamp, Uuid};
use service::{Clock, EdgeArgs, Health, Shutdown, clock};
use tokio::net::TcpListener;

use crate::edge::Edge;
use crate::policy::Policy;
use crate::routes::Routes;
use crate::standing::Standing;
use crate::tls::Tls;

/// Makes the id of a hit that came without one, from the time at which it was received.
pub type NewId = Arc<dyn Fn(Timestamp) -> Uuid + Send + Sync>;

/// A collector that is set up and not yet listening.
pub struct Collector {
    args: EdgeArgs,
    policy: Policy,
    bus: SharedBus,
    clock: Clock,
    new_id: NewId,
    tls: Option<Arc<Tls>>,
}

impl Collector {
    /// A collector with the machine's clock and random ids (UUID v7), for sites that ask what the policy says.
    pub fn new(args: &EdgeArgs, policy: Policy, bus: SharedBus) -> Self {
        Self { args: args.clone(), policy, bus, clock: clock::system(), new_id: edge::random_ids(), tls: None }
    }

    /// Speaks TLS where there is a certificate.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls;
        self
    }

    /// Replaces the clock and the source of ids, so that what it writes is known beforehand.
    #[must_use]
    pub fn with_clock_and_ids(mut self, clock: Clock, new_id: NewId) -> Self {
        self.clock = clock;
        self.new_id = new_id;
        self
    }

    /// Answers requests until the token is cancelled; then takes no more connections, finishes what is at hand
    /// within `--drain-timeout`, and returns.
    pub async fn run(self, listener: TcpListener, health: &Health, shutdown: Shutdown) {
        let standing = Standing::new(health.register("collector"));
        let edge = Arc::new(Edge::new(&self.args, self.policy, self.bus, self.clock, self.new_id, standing));
        let serving = server::serve(listener, self.tls, Arc::new(Routes::new(edge.clone())), &edge, shutdown);
        tokio::select! {
            () = serving => {}
            never = be_tried_again(&edge.standing) => match never {},
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("args", &self.args).finish_non_exhaustive()
    }
}

/// Lets an edge that the bus has refused be tried, now and then.
async fn be_tried_again(standing: &Standing) -> Infallible {
    loop {
        tokio::time::sleep(standing.look(Instant::now())).await;
    }
}
