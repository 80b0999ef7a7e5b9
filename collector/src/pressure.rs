//! What is turned away before its body is read: it costs next to nothing, and says when to come again.

use std::net::IpAddr;

use service::metrics::REQUESTS_SHED;

use crate::answer::{self, Response};
use crate::edge::Edge;
use crate::room::Share;

/// A request's place among those in work, for as long as it is held.
pub(crate) type Place<'e> = Share<'e>;

/// Why there is no room for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shed {
    /// As many are in work as may be.
    Requests,
    /// The log has more to write than may wait for it.
    Queued,
    /// Its address sends too many; it may come again in so many seconds.
    AddressRate(u64),
}

/// A place for a request, if there is room.
pub(crate) fn admit(edge: &Edge, address: IpAddr) -> Result<Place<'_>, Shed> {
    let place = edge.requests.share(1).map_err(|_| Shed::Requests)?;
    if edge.bus.queued_bytes() > edge.bounds.queued {
        return Err(Shed::Queued);
    }
    match edge.addresses.as_ref().map(|addresses| addresses.take(network(address))) {
        Some(Err(seconds)) => Err(Shed::AddressRate(seconds)),
        _ => Ok(place),
    }
}

impl Shed {
    /// What the request is answered with.
    pub(crate) fn answer(self) -> Response {
        let (bound, response) = match self {
            Self::Requests => ("requests", answer::unavailable("too many requests at once; send it again later", 1)),
            Self::Queued => {
                ("queued", answer::unavailable("the log has more than it can take; send it again later", 1))
            }
            Self::AddressRate(seconds) => {
                let detail = "too many requests from this address; send it again later";
                ("address_rate", answer::too_many(detail, seconds))
            }
        };
        metrics::counter!(REQUESTS_SHED, "bound" => bound).increment(1);
        answer::and_close(response)
    }
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
