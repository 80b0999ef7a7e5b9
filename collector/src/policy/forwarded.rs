//! Whom a request comes from, where a proxy stands between.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{self, HeaderMap, HeaderName};
use sites::Networks;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client. Each proxy appends whom it heard from, so the list is believed from the right, as far as it
/// was written by proxies of ours; the first address that is none of theirs is the client's. Where `Forwarded` and
/// `X-Forwarded-For` say different things, one of them is the client's own, and neither is believed.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &Networks) -> IpAddr {
    let peer = peer.to_canonical();
    if !proxies.contain(peer) {
        return peer;
    }
    let names = [X_FORWARDED_FOR, header::FORWARDED];
    let mut said = names.iter().filter(|name| headers.contains_key(*name)).map(|name| {
        let is_plain = *name == X_FORWARDED_FOR;
        let hops = headers.get_all(name).iter().rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        last_stranger(peer, hops.map(|hop| if is_plain { address(hop) } else { forwarded_for(hop) }), proxies)
    });
    match (said.next(), said.next()) {
        (Some(client), None) => client,
        (Some(client), Some(other)) if client == other => client,
        _ => peer,
    }
}

/// From the right, the first that is no proxy of ours, or the last that could be read.
fn last_stranger(peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>, proxies: &Networks) -> IpAddr {
    let mut last = peer;
    for hop in hops {
        let Some(hop) = hop else { break };
        last = hop;
        if !proxies.contain(hop) {
            break;
        }
    }
    last
}

/// `for=192.0.2.43;proto=http`, `for="[2001:db8::1]:4711"`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(value.trim().trim_matches('"'))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let address = bare().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let proxies = "10.0.0.0/8,2001:db8:ffff::/48".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        client(peer.parse().unwrap(), &map, &proxies).to_string()
    }

    #[test]
    fn a_stranger_is_who_he_is_whatever_he_says() {
        assert_eq!(client_of("192.0.2.1", &[("x-forwarded-for", "198.51.100.1")]), "192.0.2.1");
        assert_eq!(client_of("192.0.2.1", &[("forwarded", "for=198.51.100.1")]), "192.0.2.1");
    }

    #[test]
    fn of_what_proxies_say_the_last_stranger_counts() {
        let by = |list: &str| client_of("10.0.0.1", &[("x-forwarded-for", list)]);
        assert_eq!(by("198.51.100.1"), "198.51.100.1");
        assert_eq!(
            by("203.0.113.9, 198.51.100.1, 10.0.0.2"),
            "198.51.100.1",
            "what stands before may be the client's lie"
        );
        assert_eq!(by("198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(by("[2001:db8::1]:80,2001:db8:ffff::2"), "2001:db8::1");
        assert_eq!(by("2001:db8::1"), "2001:db8::1");
        assert_eq!(by("10.0.0.3, 10.0.0.2"), "10.0.0.3", "all are ours: the first of them asked itself");
        assert_eq!(by("198.51.100.1, unknown"), "10.0.0.1", "what cannot be read hides what stands before it");
        assert_eq!(by(""), "10.0.0.1");
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(client_of("10.0.0.1", &lines), "198.51.100.1", "several lines are one list");
    }

    #[test]
    fn forwarded_says_the_same_in_other_words() {
        let by = |list: &str| client_of("::ffff:10.0.0.1", &[("forwarded", list)]);
        assert_eq!(by("for=203.0.113.9, For=\"198.51.100.1:80\";proto=https;by=10.0.0.1"), "198.51.100.1");
        assert_eq!(by("proto=http;for=\"[2001:db8::1]:4711\", for=10.0.0.2"), "2001:db8::1");
        assert_eq!(by("for=_hidden"), "10.0.0.1");
        assert_eq!(by("proto=http"), "10.0.0.1");
    }

    #[test]
    fn where_the_two_differ_one_of_them_lies() {
        let both = |plain, full| client_of("10.0.0.1", &[("x-forwarded-for", plain), ("forwarded", full)]);
        assert_eq!(both("198.51.100.1", "for=198.51.100.1"), "198.51.100.1");
        assert_eq!(both("198.51.100.1", "for=203.0.113.9"), "10.0.0.1");
    }
}
