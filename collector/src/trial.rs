//! A request held against the rules of sites without a collector: what would become of it?

use std::net::IpAddr;

use events::{Invalid, Limits, Timestamp, Uuid};
use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::accept::{Outcome, Sender, accept};
use crate::body::Batch;
use crate::media::{self, Form};
use crate::policy::Policy;

/// The most hits that are looked at.
const MOST_HITS: usize = 100_000;

/// Why nothing of a request would be looked at.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Its body cannot be read as a whole.
    #[error("{}: {_0}", ._0.reason)]
    Invalid(#[from] Invalid),
    /// Its headers say that the body is something else.
    #[error("{reason}: {detail}")]
    Unreadable {
        /// The name in the collector's answer.
        reason: &'static str,
        /// What could be sent instead.
        detail: &'static str,
    },
}

/// A request as it might be sent.
#[derive(Debug)]
pub struct Trial<'r> {
    /// Who sends it.
    pub address: IpAddr,
    /// Its headers, as `Name: value`. `Content-Type` says whether the body has a hit a line.
    pub headers: &'r [String],
    /// Its body, as `POST /collect` takes it.
    pub body: &'r [u8],
    /// When it is received.
    pub received_at: Timestamp,
}

impl Trial<'_> {
    /// What becomes of it.
    ///
    /// # Errors
    ///
    /// Where its body cannot be read as a whole.
    pub fn run(&self, policy: &Policy) -> Result<Outcome, TrialError> {
        let limits = Limits::default();
        let headers: HeaderMap = self.headers.iter().filter_map(|line| header(line)).collect();
        let uri = Uri::from_static("/collect");
        let (form, _) = media::of(&headers).map_err(|unreadable| {
            let (reason, detail) = unreadable.words();
            TrialError::Unreadable { reason, detail }
        })?;
        let batch = match form {
            Form::Json => Batch::parse(self.body, MOST_HITS, &limits)?,
            Form::Lines => Batch::lines(self.body, MOST_HITS)?,
        };
        let facts = policy.facts(self.address, &uri, &headers);
        let rules = policy.rules();
        let sender = Sender {
            received_at: self.received_at,
            facts: &facts,
            rules: &rules,
            new_id: &|_| Uuid::nil(),
            salts: policy.salts(),
            visitors: None,
            limits: &limits,
        };
        Ok(accept(&batch, &sender))
    }
}

/// Reads `Name: value`; none where it is no header.
pub fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}
