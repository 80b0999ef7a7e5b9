//! A line in the log for one request of many.
//!
//! It has no path and no query, which may name people, and of the address what the most careful site allows: which site a
//! request is for, is known only once it is read, and it may be for several.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::policy::Policy;

/// Chooses requests, and says what became of them.
#[derive(Debug)]
pub(crate) struct AccessLog {
    /// One of so many.
    one_of: u64,
    requests: AtomicU64,
    policy: Policy,
}

/// A request that was chosen.
#[derive(Debug)]
pub(crate) struct Entry {
    method: Method,
    address: Option<String>,
}

impl AccessLog {
    /// One that logs one of so many requests; none where it is to log none.
    pub(crate) fn of(one_of: u32, policy: &Policy) -> Option<Self> {
        (one_of > 0).then(|| Self { one_of: one_of.into(), requests: AtomicU64::new(0), policy: policy.clone() })
    }

    /// The entry of a request, if it is its turn.
    pub(crate) fn begin(&self, peer: IpAddr, head: &Parts) -> Option<Entry> {
        if !self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.one_of) {
            return None;
        }
        let facts = self.policy.facts(peer, &head.uri, &head.headers);
        let address = self.policy.rules().unplaced(&facts).ip().map(str::to_owned);
        Some(Entry { method: head.method.clone(), address })
    }
}

impl Entry {
    /// Writes the line.
    pub(crate) fn end(self, route: &str, status: StatusCode, took: Duration) {
        let Self { method, address } = self;
        let (status, micros) = (status.as_u16(), took.as_micros() as u64);
        tracing::info!(%method, route, status, micros, address, "request");
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;
    use sites::Sites;

    use super::*;
    use crate::policy::Rules;

    fn log(one_of: u32, sites: &str) -> Option<AccessLog> {
        AccessLog::of(one_of, &Policy::of(Rules::new(Sites::parse(sites).unwrap())))
    }

    fn begin(log: &AccessLog, headers: &[(&str, &str)]) -> Option<Entry> {
        let request =
            headers.iter().fold(Request::post("/collect"), |request, (name, value)| request.header(*name, *value));
        let (head, ()) = request.body(()).unwrap().into_parts();
        log.begin("192.0.2.77".parse().unwrap(), &head)
    }

    #[test]
    fn one_request_of_so_many_is_logged_and_none_unless_it_is_asked_for() {
        assert!(log(0, "").is_none());
        let log = log(3, "").unwrap();
        let chosen: Vec<_> = (0..7).map(|_| begin(&log, &[]).is_some()).collect();
        assert_eq!(chosen, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn an_address_is_cut_as_the_most_careful_site_wants_it() {
        let address = |sites: &str, headers: &[_]| begin(&log(1, sites).unwrap(), headers).unwrap().address;
        let full = "[sites.a]\nip = \"full\"";
        assert_eq!(address(full, &[]).as_deref(), Some("192.0.2.77"));
        assert_eq!(address(&format!("{full}\n[sites.b]"), &[]).as_deref(), Some("192.0.2.0"));
        assert_eq!(address(&format!("{full}\n[sites.b]\nip = \"none\""), &[]), None);
        assert_eq!(address(full, &[("sec-gpc", "1")]), None, "who asks not to be tracked is not");
    }
}
