//! One server of each kind for all tests of a test binary.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::{Kind, ObjectServer};

/// A server that the first caller starts and that goes with the process. Nobody may stop or pause it, and nobody can: that
/// takes one of one's own. Tests keep apart by buckets of a [`fresh_name`].
pub fn shared(kind: Kind) -> &'static ObjectServer {
    static SERVERS: [OnceLock<ObjectServer>; 3] = [const { OnceLock::new() }; 3];
    let at = match kind {
        Kind::Versitygw => 0,
        Kind::Minio => 1,
        Kind::Azurite => 2,
    };
    // A static is never dropped; the guard's shell cleans up when the process ends.
    SERVERS[at].get_or_init(|| ObjectServer::start(kind))
}

/// A name for a bucket that no other test of this process has.
pub fn fresh_name(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
