//! Tokens for `OAUTHBEARER`, by OpenID Connect's client credentials: fetched by ourselves, since librdkafka would need libcurl.
//!
//! All clients of a bus ask here, each when librdkafka says that its token is four fifths over; one token serves them until
//! half of its time has passed. A token endpoint that is away is no reason to stop: while the token holds it is used on.

mod claims;
mod endpoint;
pub(super) mod native;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::properties::Grant;
use crate::BusError;
pub(super) use endpoint::Failure;
use endpoint::{Answer, Endpoint};

/// A source of tokens. Clones are one.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Source>);

struct Source {
    endpoint: Endpoint,
    kept: Mutex<Option<Token>>,
}

/// What a client shows the broker.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) text: String,
    /// Who it is about, as clients name it to themselves; the broker reads the token.
    pub(super) principal: String,
    fetched: SystemTime,
    pub(super) expires: SystemTime,
}

impl Tokens {
    pub(super) fn new(grant: Grant) -> Self {
        Self(Arc::new(Source { endpoint: Endpoint::new(grant), kept: Mutex::new(None) }))
    }

    pub(super) fn grant(&self) -> &Grant {
        self.0.endpoint.grant()
    }

    /// A token that holds for a while. May take some seconds; who asks meanwhile waits for the same one.
    pub(super) fn get(&self) -> Result<Token, Failure> {
        let mut kept = self.0.kept.lock().expect("nobody panics while holding a token");
        let now = SystemTime::now();
        if let Some(token) = kept.as_ref().filter(|token| token.is_young(now)) {
            return Ok(token.clone());
        }
        match self.0.endpoint.ask().and_then(|answer| Token::of(answer, self.grant(), SystemTime::now())) {
            Ok(token) => Ok(kept.insert(token).clone()),
            Err(failure) => match kept.as_ref().filter(|token| token.expires > now) {
                Some(token) => {
                    tracing::warn!("{failure}; the token that is there holds for {} s more", token.left(now).as_secs());
                    Ok(token.clone())
                }
                None => Err(failure),
            },
        }
    }
}

impl Token {
    fn of(answer: Answer, grant: &Grant, now: SystemTime) -> Result<Self, Failure> {
        let claims = claims::of(&answer.token);
        let by_claim = claims.exp.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        let by_answer = answer.expires_in.map(|seconds| now + Duration::from_secs(seconds));
        let Some(expires) = by_claim.or(by_answer) else {
            return Err(Failure::Refused(format!("the token of {} does not say when it ends", grant.endpoint)));
        };
        if expires <= now {
            let what = "gave a token that is over already: are both clocks right?";
            return Err(Failure::Refused(format!("the token endpoint {} {what}", grant.endpoint)));
        }
        let principal = claims.sub.unwrap_or_else(|| grant.client_id.clone());
        Ok(Self { text: answer.token, principal, fetched: now, expires })
    }

    /// In the first half of its time.
    fn is_young(&self, now: SystemTime) -> bool {
        let life = self.expires.duration_since(self.fetched).unwrap_or_default();
        self.left(now) > life / 2
    }

    fn left(&self, now: SystemTime) -> Duration {
        self.expires.duration_since(now).unwrap_or_default()
    }

    /// When it ends, in milliseconds since 1970.
    pub(super) fn expires_ms(&self) -> i64 {
        self.expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
    }
}

impl From<Failure> for BusError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(line) => Self::Refused(line),
            Failure::Passing(line) => Self::Unavailable(line),
        }
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        self.grant() == other.grant()
    }
}

impl Eq for Tokens {}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.grant().fmt(f)
    }
}
