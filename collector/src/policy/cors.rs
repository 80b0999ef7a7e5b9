//! Which pages may post from other origins, and read the answer.

use hyper::header::{self, HeaderMap, HeaderValue};

use super::Policy;

/// What a page may send and read. Every origin is told the same, so that nothing of it depends on what a browser asks for.
const METHODS: HeaderValue = HeaderValue::from_static("GET,POST");
const HEADERS: HeaderValue = HeaderValue::from_static("content-type,content-encoding,x-write-key");
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after");

/// How many seconds a browser may remember that: a day.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Open to pages of every origin: a tracked site is another origin by nature. With a file of sites, to those alone that one
/// of them allows; whether it is the hit's own site, the hit is asked.
#[derive(Debug)]
pub(crate) struct Cors {
    /// None: every origin.
    policy: Option<Policy>,
}

impl Cors {
    pub(crate) fn of(policy: &Policy) -> Self {
        let takes_any = policy.rules().sites().takes_any();
        Self { policy: (!takes_any).then(|| policy.clone()) }
    }

    /// Tells a browser that asks before it posts.
    pub(crate) fn preflight(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        self.allow(origin, answer);
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }

    /// Lets the page that asked read the answer.
    pub(crate) fn open(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        self.allow(origin, answer);
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }

    fn allow(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        let Some(policy) = &self.policy else {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return;
        };
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        let Some(origin) = origin else { return };
        let (rules, text) = (policy.rules(), origin.to_str().unwrap_or_default());
        if rules.allow(text) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        if rules.want_cookie(text) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}
