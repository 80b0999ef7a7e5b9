//! Apache Kafka for tests, as a real process: started in seconds, killed, paused and restarted at will.
//!
//! [`Broker::start`] runs one broker in a temporary folder and on ports of 127.0.0.1, [`Cluster`] several of them, and
//! [`shared`] one for all tests of a test binary. The jars come from the folder that `make tools` fills.
//!
//! Only tests may use this crate: it panics instead of returning errors, with a message that says what to do. It must
//! never leave a process or a folder behind, however the test ends, and that includes SIGKILL.

mod broker;
mod certificates;
mod cluster;
mod console;
mod guard;
mod installation;
mod options;
mod ports;
mod server;
mod shared;

pub use broker::Broker;
pub use cluster::Cluster;
pub use installation::program;
pub use options::{Options, clock_ahead};
pub use ports::free as free_port;
pub use shared::{shared, topic_prefix};
