//! One broker for all tests of a test binary.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::broker::Broker;
use crate::options::Options;

/// A plain broker that the first caller starts and that goes with the process. Nobody may stop or pause it, and nobody
/// can: that takes `&mut`, or a broker of one's own. Tests keep apart by [`topic_prefix`].
pub fn shared() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    // A static is never dropped; the guard's shell cleans up when the process ends.
    BROKER.get_or_init(|| Broker::start(Options::new()))
}

/// A prefix for topics, groups and transactions that no other test of this process has, such as `closes.7.`.
pub fn topic_prefix(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}.{}.", COUNT.fetch_add(1, Ordering::Relaxed))
}
