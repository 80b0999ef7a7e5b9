//! Addresses: what is kept of a visitor's, and networks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What is kept of a visitor's address.
///
/// Each policy keeps less than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum IpPolicy {
    /// All of it.
    Full,
    /// The first 24 bits of an IPv4 address, 48 of an IPv6 address; the rest is zero.
    #[default]
    Truncated,
    /// Nothing.
    None,
}

impl IpPolicy {
    /// What may be written of an address. One of IPv4 in IPv6's clothes is one of IPv4.
    pub fn apply(self, address: IpAddr) -> Option<IpAddr> {
        match (self, address.to_canonical()) {
            (Self::None, _) => None,
            (Self::Full, address) => Some(address),
            (Self::Truncated, IpAddr::V4(address)) => Some(Ipv4Addr::from_bits(address.to_bits() & (!0 << 8)).into()),
            (Self::Truncated, IpAddr::V6(address)) => Some(Ipv6Addr::from_bits(address.to_bits() & (!0 << 80)).into()),
        }
    }
}

/// An address, or all that begin alike: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write an address or a network, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32";
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| FORM)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| FORM)?;
        if bits > most { Err(FORM) } else { Ok(Self { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Networks in a row, with commas between them: `10.0.0.0/8,::1`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether an address lies in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl FromStr for Networks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        text.split(',').map(|network| network.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(policy: IpPolicy, address: &str) -> Option<String> {
        policy.apply(address.parse().unwrap()).map(|address| address.to_string())
    }

    #[test]
    fn a_policy_cuts_an_address() {
        assert_eq!(kept(IpPolicy::Truncated, "203.0.113.77").as_deref(), Some("203.0.113.0"));
        assert_eq!(kept(IpPolicy::Truncated, "2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1::"));
        assert_eq!(kept(IpPolicy::Truncated, "::ffff:203.0.113.77").as_deref(), Some("203.0.113.0"));
        assert_eq!(kept(IpPolicy::Full, "203.0.113.77").as_deref(), Some("203.0.113.77"));
        assert_eq!(kept(IpPolicy::None, "203.0.113.77"), None);
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        let lies_in =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(lies_in("10.0.0.0/8", "10.1.2.3") && !lies_in("10.0.0.0/8", "11.0.0.0"));
        assert!(lies_in("192.0.2.7", "192.0.2.7") && lies_in("192.0.2.7", "::ffff:192.0.2.7"));
        assert!(lies_in("2001:db8::/32", "2001:db8:ffff::1") && !lies_in("2001:db8::/32", "192.0.2.7"));
        assert!(lies_in("0.0.0.0/0", "255.255.255.255") && lies_in("::/0", "::1"));
        for text in ["10.0.0.0/33", "10.0.0", "", "a", "::/129", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn networks_are_written_in_a_row() {
        let networks: Networks = "10.0.0.0/8, ::1".parse().unwrap();
        let lies_in = |address: &str| networks.contain(address.parse().unwrap());
        assert!(lies_in("10.9.9.9") && lies_in("::1") && !lies_in("192.0.2.1"));
        assert!("10.0.0.0/8,".parse::<Networks>().is_err() && "".parse::<Networks>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_kept_lies_in_the_network_that_it_was_cut_to(bits in any::<u32>()) {
            let address = IpAddr::from(Ipv4Addr::from_bits(bits));
            let kept = IpPolicy::Truncated.apply(address).unwrap();
            let network: Network = format!("{kept}/24").parse().unwrap();
            prop_assert!(network.contains(address));
        }
    }
}
