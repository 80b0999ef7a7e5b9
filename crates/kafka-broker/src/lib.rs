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
mod installation;
mod options;
mod server;
mod shared;

use guarded_process as guard;
use guarded_process::ports;

pub use broker::Broker;
pub use cluster::Cluster;
pub use guarded_process::ports::free as free_port;
pub use installation::program;
pub use options::{Options, clock_ahead};
pub use shared::{shared, topic_prefix};
