//! `POST /collect`: hits in, and an answer only when they are durable.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use bus::{BusError, Outgoing};
use events::{Invalid, Reason};
use service::metrics::{
    BUS_ERRORS, BUS_QUEUED_BYTES, HITS_ACCEPTED, HITS_PREFETCHED, HITS_PRIVATE, HITS_REJECTED, PUBLISH_SECONDS,
    REQUESTS_SHED,
};

use crate::accept::{Noted, Sender, accept, refuse, shorten};
use crate::answer;
use crate::body::Batch;
use crate::edge::Edge;
use crate::pressure::shed;
use crate::read::{ReadError, read};

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Takes the hits of one request.
pub(crate) async fn collect(
    State(edge): State<Arc<Edge>>,
    Extension(Peer(peer)): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Some(refusal) = unsupported(&headers) {
        return refusal;
    }
    let facts = edge.policy.facts(peer.ip(), &uri, &headers);
    if let Some(refusal) = shed(&edge, facts.address) {
        return refusal;
    }
    let held = match read(body, &headers, &edge).await {
        Ok(held) => held,
        Err(error) => return unread(&error, edge.bounds.body),
    };

    // Once for the request, so that all of its hits are under the same.
    let rules = edge.policy.rules();
    let sender = Sender {
        received_at: (edge.clock)(),
        facts: &facts,
        rules: &rules,
        salts: edge.policy.salts(),
        visitors: edge.visitors.as_ref(),
        new_id: &*edge.new_id,
        limits: &edge.limits,
    };
    let outcome = match Batch::parse(&held.bytes, edge.bounds.hits, &edge.limits) {
        Ok(batch) => accept(&batch, &sender),
        Err(mut invalid) => {
            shorten(&mut invalid);
            let record = refuse(&invalid, &held.bytes, None, &rules.unplaced(&facts), &sender);
            return match publish(&edge, vec![record]).await {
                Ok(()) => {
                    count_rejection(invalid.reason);
                    answer::refused(&invalid)
                }
                Err(unavailable) => unavailable,
            };
        }
    };
    if let Err(unavailable) = publish(&edge, outcome.records).await {
        return unavailable;
    }
    metrics::counter!(HITS_ACCEPTED).increment(outcome.accepted as u64);
    count(outcome.noted);
    for (_, invalid) in &outcome.rejected {
        count_rejection(invalid.reason);
    }
    answer::with_cookies(answer::outcome(outcome.accepted, &outcome.rejected), &outcome.cookies)
}

/// Resolves when every record is durable (P1). What could not be kept is answered with 503, all of it: a client
/// that tries again sends the same ids, and the copies are found. `/ready` hears of it.
async fn publish(edge: &Edge, records: Vec<Outgoing>) -> Result<(), Response> {
    let start = Instant::now();
    metrics::gauge!(BUS_QUEUED_BYTES).set(edge.bus.queued_bytes() as f64);
    let (kind, detail) = match tokio::time::timeout(edge.bounds.publish, edge.bus.publish(records)).await {
        Ok(Ok(())) => {
            edge.standing.kept();
            metrics::histogram!(PUBLISH_SECONDS).record(start.elapsed());
            return Ok(());
        }
        // The request's own fault, and trying again will not help.
        Ok(Err(error @ BusError::TooLarge { .. })) => {
            let invalid = Invalid::new(Reason::TooLarge, "", format!("a hit is too large: {error}"));
            count_rejection(invalid.reason);
            return Err(answer::refused(&invalid));
        }
        Ok(Err(error)) => ("publish", error.to_string()),
        Err(_) => ("publish_timeout", format!("no answer within {:?}", edge.bounds.publish)),
    };
    edge.standing.refused(&detail, Instant::now());
    metrics::counter!(BUS_ERRORS, "operation" => kind).increment(1);
    tracing::debug!(error = detail, "hits could not be kept");
    Err(answer::unavailable("the hits could not be kept; send them again later", "5"))
}

/// 415 where the body would not be JSON as it stands.
fn unsupported(headers: &HeaderMap) -> Option<Response> {
    let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let essence = content_type.map(|value| value.split(';').next().unwrap_or_default().trim());
    let is_json =
        |essence: &str| ["application/json", "text/plain"].iter().any(|own| essence.eq_ignore_ascii_case(own));
    if !essence.is_none_or(is_json) {
        let detail = "send JSON as application/json or text/plain";
        return Some(answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "send the body without a Content-Encoding";
        return Some(answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail));
    }
    None
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
            answer::and_close(answer::unavailable("too much at once; send it again later", "1"))
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
