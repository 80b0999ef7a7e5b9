//! Several brokers, for tests of what one alone cannot lose.

use crate::broker::Broker;
use crate::options::Options;
use crate::server::Node;

/// Brokers that replicate each other's partitions: each topic has as many replicas as there are brokers, and a write
/// needs all but one in sync.
#[derive(Debug)]
pub struct Cluster {
    /// The brokers, to be killed and restarted one by one.
    pub brokers: Vec<Broker>,
}

impl Cluster {
    /// So many new brokers, once all of them answer.
    ///
    /// # Panics
    /// As [`Broker::start`] does.
    pub fn start(brokers: usize, options: Options) -> Self {
        let nodes: Vec<_> = (1..=brokers).map(Node::new).collect();
        let mut brokers: Vec<_> = (0..brokers).map(|at| Broker::format(&options, &nodes, at)).collect();
        brokers.iter_mut().for_each(Broker::launch);
        brokers.iter_mut().for_each(Broker::wait_until_started);
        Self { brokers }
    }

    /// All brokers for a client's `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        self.brokers.iter().map(Broker::bootstrap).collect::<Vec<_>>().join(",")
    }
}
