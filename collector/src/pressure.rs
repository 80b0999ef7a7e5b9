//! What is turned away before its body is read: it costs next to nothing, and says when to come again.

use std::net::IpAddr;

use axum::response::Response;
use service::metrics::REQUESTS_SHED;

use crate::answer;
use crate::edge::Edge;

/// The answer to a request that there is no room for, or none where there is.
pub(crate) fn shed(edge: &Edge, address: IpAddr) -> Option<Response> {
    if edge.bus.queued_bytes() > edge.bounds.queued {
        metrics::counter!(REQUESTS_SHED, "bound" => "queued").increment(1);
        return Some(answer::and_close(answer::unavailable(
            "the log has more than it can take; send it again later",
            1,
        )));
    }
    let seconds = edge.addresses.as_ref()?.take(network(address)).err()?;
    metrics::counter!(REQUESTS_SHED, "bound" => "address_rate").increment(1);
    Some(answer::and_close(answer::too_many("too many requests from this address; send it again later", seconds)))
}

/// Whom an address belongs to: of IPv6, somebody has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (!0 << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_many_addresses_is_one() {
        let network = |address: &str| network(address.parse().unwrap());
        assert_eq!(network("2001:db8:0:1::7"), network("2001:db8:0:1:8000::"));
        assert_ne!(network("2001:db8:0:1::7"), network("2001:db8:0:2::7"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
