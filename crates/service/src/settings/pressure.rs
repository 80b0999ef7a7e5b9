//! How much is too much.

use clap::Args;

use crate::units::ByteSize;

/// How much is too much.
#[derive(Args, Clone, Debug)]
pub struct PressureArgs {
    /// Most requests in work at once, whatever their size; more are answered with 503 before they are read.
    #[arg(long, value_name = "N", default_value = "8192", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_requests: u32,
    /// Most bytes that may wait for the log to take them; past it requests are answered with 503 before they are read.
    #[arg(long, value_name = "SIZE", default_value = "48MiB", value_parser = queue_size)]
    pub max_queued: ByteSize,
    /// Most requests a second from one address (of IPv6: one /64), and ten times that at once; more are answered with 429
    /// before they are read. 0: no limit. Behind a proxy, name it as a trusted one first.
    #[arg(long, value_name = "N", default_value = "0")]
    pub max_address_rate: u32,
    /// Most hits a second of one visitor, and ten times that at once; more are rejected as hot_key. 0: no limit.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub max_visitor_rate: u32,
}

/// Less, and a single request would turn all others away.
fn queue_size(text: &str) -> Result<ByteSize, String> {
    super::values::at_least(text, ByteSize::from_bytes(1 << 20))
}
