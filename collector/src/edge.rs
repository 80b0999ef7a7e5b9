//! What every request shares: the bus, the clock, the bounds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bus::SharedBus;
use events::Limits;
use service::{Clock, EdgeArgs};
use tokio::sync::Semaphore;
use uuid::{ContextV7, Uuid};

use crate::NewId;
use crate::access_log::AccessLog;
use crate::paths::Paths;
use crate::policy::Policy;
use crate::rates::Rate;
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
    /// One permit for each byte of a body that may be in memory (P6).
    pub(crate) in_flight: Arc<Semaphore>,
    /// One permit for each request that may be in work.
    pub(crate) requests: Semaphore,
    /// Which requests are logged; none: none.
    pub(crate) access_log: Option<Arc<AccessLog>>,
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
        let in_flight = args.max_in_flight.as_usize().clamp(body + crate::read::REQUEST_BYTES, Semaphore::MAX_PERMITS);
        let bounds = Bounds {
            body,
            hits: args.max_request_hits as usize,
            connections: args.max_connections as usize,
            queued: args.pressure.max_queued.as_usize(),
            read: args.read_timeout.to_std(),
            publish: args.publish_timeout.to_std(),
        };
        let in_flight = Arc::new(Semaphore::new(in_flight));
        let requests = Semaphore::new((args.pressure.max_requests as usize).min(Semaphore::MAX_PERMITS));
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
