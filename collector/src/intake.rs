//! What every way in has in common: a body is had within its bounds, its hits are checked, and what became of them is known
//! only when it is durable.

use std::net::IpAddr;
use std::time::Instant;

use bus::{BusError, Outgoing};
use events::{Invalid, Reason};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use service::metrics::{BUS_ERRORS, HITS_PREFETCHED, HITS_PRIVATE, HITS_REJECTED, REQUESTS_SHED};

use crate::accept::{Noted, Outcome, Sender, accept, refuse, shorten};
use crate::answer::{self, Response};
use crate::body::Batch;
use crate::edge::Edge;
use crate::encoding::{DecodeError, Encoding};
use crate::policy::Facts;
use crate::pressure::{Place, Shed, admit};
use crate::read::{Held, ReadError, read};

/// A request whose body is in memory.
#[derive(Debug)]
pub(crate) struct Received<'r> {
    pub(crate) facts: Facts<'r>,
    /// The body, unfolded where it could be.
    pub(crate) held: Held<'r>,
    /// Whether it could be.
    pub(crate) decoded: Result<(), Invalid>,
    /// Among the requests in work, until this is answered.
    pub(crate) place: Place<'r>,
}

/// What became of a request. All of it is durable.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Each hit by itself.
    Hits(Taken),
    /// Nothing could be made of it.
    Refused(Invalid),
}

/// What became of each hit of a request.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) accepted: usize,
    /// Those that were not taken: the place in the request, and why.
    pub(crate) rejected: Vec<(usize, Invalid)>,
    /// Values of `Set-Cookie`.
    pub(crate) cookies: Vec<String>,
}

/// Why nothing of a request is kept.
#[derive(Debug)]
pub(crate) enum Unkept {
    /// It is larger than the bus takes, and trying again will not help.
    TooLarge(Invalid),
    /// The bus does not take it now.
    Unavailable,
}

/// Brings a request's body into memory and unfolds it, if there is room for the request. The body is there also where it does
/// not unfold, to be kept as it came; an answer is there where it could not be had.
pub(crate) async fn receive<'r>(
    edge: &'r Edge,
    peer: IpAddr,
    head: &'r Parts,
    encoding: Option<Encoding>,
    body: Incoming,
) -> Result<Received<'r>, Response> {
    let facts = edge.policy.facts(peer, &head.uri, &head.headers);
    let place = admit(edge, facts.address).map_err(Shed::answer)?;
    let most = edge.bounds.body;
    let mut held = read(body, &head.headers, edge).await.map_err(|error| unread(&error, most))?;
    let decoded = match encoding.map(|encoding| held.decode(encoding, edge)) {
        None | Some(Ok(())) => Ok(()),
        Some(Err(DecodeError::NoRoom(error))) => return Err(unread(&error, most)),
        Some(Err(DecodeError::Garbled(error))) => {
            let detail = format!("the body is not what its Content-Encoding says, or not all of it: {error}");
            Err(Invalid::new(Reason::InvalidEncoding, "", detail))
        }
        Some(Err(DecodeError::TooLarge)) => {
            let detail = format!("the body is larger than {most} bytes once it is decoded; send it in parts");
            Err(Invalid::new(Reason::TooLarge, "", detail))
        }
    };
    Ok(Received { facts, held, decoded, place })
}

/// Checks a request's hits and keeps them, and what was refused, on the bus.
pub(crate) async fn take(
    edge: &Edge,
    batch: Result<Batch<'_>, Invalid>,
    raw: &[u8],
    facts: &Facts<'_>,
) -> Result<Verdict, Unkept> {
    // Once for the request, so that all of its hits are under the same.
    let rules = edge.policy.rules();
    let sender = Sender {
        received_at: (edge.clock)(),
        facts,
        rules: &rules,
        salts: edge.policy.salts(),
        visitors: edge.visitors.as_ref(),
        new_id: &*edge.new_id,
        limits: &edge.limits,
    };
    let outcome = match batch {
        Ok(batch) => accept(&batch, &sender),
        Err(mut invalid) => {
            shorten(&mut invalid);
            publish(edge, vec![refuse(&invalid, raw, None, &rules.unplaced(facts), &sender, None)]).await?;
            count_rejection(invalid.reason);
            return Ok(Verdict::Refused(invalid));
        }
    };
    publish(edge, outcome.records).await?;
    edge.counts.accepted.increment(outcome.accepted as u64);
    count(outcome.noted);
    for (_, invalid) in &outcome.rejected {
        count_rejection(invalid.reason);
    }
    let Outcome { accepted, rejected, cookies, .. } = outcome;
    Ok(Verdict::Hits(Taken { accepted, rejected, cookies }))
}

/// Resolves when every record is durable (P1). What could not be kept is refused, all of it: a client that tries again
/// sends the same ids, and the copies are found. `/ready` hears of it.
async fn publish(edge: &Edge, records: Vec<Outgoing>) -> Result<(), Unkept> {
    let start = Instant::now();
    let (kind, detail) = match tokio::time::timeout(edge.bounds.publish, edge.bus.publish(records)).await {
        Ok(Ok(())) => {
            edge.standing.kept();
            edge.counts.publish_seconds.record(start.elapsed());
            return Ok(());
        }
        // The request's own fault, and trying again will not help.
        Ok(Err(error @ BusError::TooLarge { .. })) => {
            let invalid = Invalid::new(Reason::TooLarge, "", format!("a hit is too large: {error}"));
            count_rejection(invalid.reason);
            return Err(Unkept::TooLarge(invalid));
        }
        Ok(Err(error)) => ("publish", error.to_string()),
        Err(_) => ("publish_timeout", format!("no answer within {:?}", edge.bounds.publish)),
    };
    edge.standing.refused(&detail, Instant::now());
    metrics::counter!(BUS_ERRORS, "operation" => kind).increment(1);
    tracing::debug!(error = detail, "hits could not be kept");
    Err(Unkept::Unavailable)
}

/// The answer where the body could not be had.
fn unread(error: &ReadError, most: usize) -> Response {
    match error {
        ReadError::TooLarge => {
            count_rejection(Reason::TooLarge);
            let detail = format!("the body is larger than {most} bytes; send it in parts");
            answer::and_close(answer::refused(&Invalid::new(Reason::TooLarge, "", detail)))
        }
        ReadError::Full => {
            metrics::counter!(REQUESTS_SHED, "bound" => "bytes_in_flight").increment(1);
            answer::and_close(answer::unavailable("too much at once; send it again later", 1))
        }
        ReadError::Slow => {
            metrics::counter!(REQUESTS_SHED, "bound" => "read_timeout").increment(1);
            let detail = "the body did not come in time";
            answer::and_close(answer::error(StatusCode::REQUEST_TIMEOUT, "timeout", detail))
        }
        ReadError::Broken(error) => {
            tracing::debug!(%error, "a body broke off");
            answer::and_close(answer::error(StatusCode::BAD_REQUEST, "broken_body", "the body broke off"))
        }
    }
}

fn count(noted: Noted) {
    if noted == Noted::default() {
        return;
    }
    metrics::counter!(HITS_PRIVATE, "done" => "anonymous").increment(noted.anonymous);
    metrics::counter!(HITS_PRIVATE, "done" => "ignored").increment(noted.ignored);
    metrics::counter!(HITS_PREFETCHED).increment(noted.prefetched);
}

fn count_rejection(reason: Reason) {
    metrics::counter!(HITS_REJECTED, "reason" => reason.as_str()).increment(1);
}
