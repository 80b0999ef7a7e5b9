//! What every request shares: the bus, the clock, the bounds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bus::SharedBus;
use events::Limits;
use metrics::{Counter, Gauge, Histogram};
use service::metrics::{HITS_ACCEPTED, HTTP_BYTES_IN_FLIGHT, PUBLISH_SECONDS};
use service::{Clock, EdgeArgs};
use uuid::{ContextV7, Uuid};

use crate::NewId;
use crate::access_log::AccessLog;
use crate::paths::Paths;
use crate::policy::Policy;
use crate::rates::Rate;
use crate::room::Room;
use crate::standing::Standing;

/// What every request shares.
pub(crate) struct Edge {
    pub(crate) bus: SharedBus,
    pub(crate) clock: Clock,
    pub(crate) new_id: NewId,
    /// Bounds on one hit.
    pub(crate) limits: Limits,
    /// Bounds on requests and connections.
    pub(crate) bounds: Bounds,
    /// Bytes of bodies that may be in memory (P6).
    pub(crate) in_flight: Room,
    /// Requests that may be in work.
    pub(crate) requests: Room,
    /// Which requests are logged; none: none.
    pub(crate) access_log: Option<AccessLog>,
    /// What is where.
    pub(crate) paths: Paths,
    /// What sites ask.
    pub(crate) policy: Policy,
    /// What one address may send, in requests.
    pub(crate) addresses: Option<Rate>,
    /// What one visitor may send, in hits.
    pub(crate) visitors: Option<Rate>,
    /// Whether it can do its work.
    pub(crate) standing: Standing,
    /// What is counted of each request.
    pub(crate) counts: Counts,
}

/// What is counted of each request that is taken. The handles are kept: to find one by its name costs more than to count.
pub(crate) struct Counts {
    pub(crate) accepted: Counter,
    pub(crate) publish_seconds: Histogram,
}

/// Bounds on requests and connections, in the types that the code needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) body: usize,
    pub(crate) hits: usize,
    pub(crate) connections: usize,
    /// Bytes that may wait for the bus.
    pub(crate) queued: usize,
    pub(crate) read: Duration,
    pub(crate) publish: Duration,
}

impl Edge {
    pub(crate) fn new(
        args: &EdgeArgs,
        policy: Policy,
        bus: SharedBus,
        clock: Clock,
        new_id: NewId,
        standing: Standing,
    ) -> Self {
        let body = args.max_body.as_usize();
        // A bound under one body would refuse that body for ever.
        let in_flight = args.max_in_flight.as_usize().max(body + crate::read::REQUEST_BYTES);
        let bounds = Bounds {
            body,
            hits: args.max_request_hits as usize,
            connections: args.max_connections as usize,
            queued: args.pressure.max_queued.as_usize(),
            read: args.read_timeout.to_std(),
            publish: args.publish_timeout.to_std(),
        };
        let in_flight = Room::new(in_flight, metrics::gauge!(HTTP_BYTES_IN_FLIGHT));
        let requests = Room::new(args.pressure.max_requests as usize, Gauge::noop());
        let counts = Counts {
            accepted: metrics::counter!(HITS_ACCEPTED),
            publish_seconds: metrics::histogram!(PUBLISH_SECONDS),
        };
        let access_log = AccessLog::of(args.access_log_sample, &policy);
        let (addresses, visitors) =
            (Rate::of_keys(args.pressure.max_address_rate), Rate::of_keys(args.pressure.max_visitor_rate));
        let (limits, paths) = (Limits::default(), Paths::new(args));
        Self {
            bus,
            clock,
            new_id,
            limits,
            bounds,
            in_flight,
            requests,
            access_log,
            paths,
            policy,
            addresses,
            visitors,
            standing,
            counts,
        }
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").field("limits", &self.limits).field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// UUIDs of version 7, ascending within a millisecond too.
pub(crate) fn random_ids() -> NewId {
    let context = std::sync::Mutex::new(ContextV7::new());
    Arc::new(move |now| {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let nanos = (millis % 1000) as u32 * 1_000_000;
        let context = context.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, millis / 1000, nanos))
    })
}
