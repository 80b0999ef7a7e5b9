//! Ports that nothing listens on, and that nothing else will take while a broker is down.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that Linux and macOS give to outgoing connections: one of those could take the port of a broker that
/// is dead for a moment, and a client that tries a dead one over and over could even connect to itself.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A free port of 127.0.0.1. Another process may still take it first; each begins its search at another place.
///
/// # Panics
/// When there is none.
pub fn free() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| {
            let tried = TRIED.fetch_add(1, Ordering::Relaxed);
            let step = begin.wrapping_add(u32::from(tried)) % u32::from(COUNT);
            FIRST + u16::try_from(step).expect("the count fits")
        })
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a machine has a free port")
}
