//! What a request is answered with: always whole, and where it is about hits, JSON that says what became of them.

use bytes::Bytes;
use events::{Invalid, Reason};
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use serde::Serialize;

use crate::intake::{Unkept, Verdict};

/// An answer, all of it in memory.
pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// How many headers most answers have, with those that say which pages may read it.
const HEADERS: usize = 6;

/// The body of every answer of `/collect`, and of every error.
#[derive(Serialize, Debug)]
struct Body<'a> {
    accepted: usize,
    rejected: Vec<RejectedHit<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem<'a>>,
}

#[derive(Serialize, Debug)]
struct RejectedHit<'a> {
    index: usize,
    #[serde(flatten)]
    problem: Problem<'a>,
}

#[derive(Serialize, Debug)]
struct Problem<'a> {
    reason: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pointer: &'a str,
}

impl<'a> Problem<'a> {
    fn of(invalid: &'a Invalid) -> Self {
        Self { reason: invalid.reason.as_str(), detail: &invalid.detail, pointer: &invalid.pointer }
    }
}

/// Nothing but a status.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// Something of this kind.
pub(crate) fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().reserve(HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Something in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    whole(status, "application/json", serde_json::to_vec(body).expect("what is said is text and numbers"))
}

/// What is said of a request.
pub(crate) fn verdict(kept: Result<Verdict, Unkept>) -> Response {
    match kept {
        Ok(Verdict::Hits(taken)) => with_cookies(outcome(taken.accepted, &taken.rejected), &taken.cookies),
        Ok(Verdict::Refused(invalid)) | Err(Unkept::TooLarge(invalid)) => refused(&invalid),
        Err(Unkept::Unavailable) => unavailable("the hits could not be kept; send them again later", 5),
    }
}

/// How many hits were taken, and which were not: 200 where any was, or where the site merely does not want them; 429 where
/// there are too many of them; else 400.
fn outcome(accepted: usize, rejected: &[(usize, Invalid)]) -> Response {
    let status = if accepted > 0 || rejected.iter().all(|(_, invalid)| invalid.reason.is_unwanted()) {
        StatusCode::OK
    } else if rejected.iter().any(|(_, invalid)| invalid.reason.is_pressure()) {
        StatusCode::TOO_MANY_REQUESTS
    } else {
        StatusCode::BAD_REQUEST
    };
    let rejected =
        rejected.iter().map(|(index, invalid)| RejectedHit { index: *index, problem: Problem::of(invalid) }).collect();
    let response = json(status, &Body { accepted, rejected, error: None });
    if status == StatusCode::TOO_MANY_REQUESTS { after(response, 1) } else { response }
}

/// Gives the browser what it is to bring next time.
pub(crate) fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies {
        let value = HeaderValue::from_str(cookie).expect("its parts are visible ASCII");
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// One sender has sent too much, and may come again in so many seconds.
pub(crate) fn too_many(detail: &str, seconds: u64) -> Response {
    after(error(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail), seconds)
}

fn after(mut response: Response, seconds: u64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The whole body was refused.
pub(crate) fn refused(invalid: &Invalid) -> Response {
    let status = match invalid.reason {
        Reason::TooLarge | Reason::TooManyHits => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    json(status, &Body { accepted: 0, rejected: Vec::new(), error: Some(Problem::of(invalid)) })
}

/// Something outside the body stands against it.
pub(crate) fn error(status: StatusCode, reason: &str, detail: &str) -> Response {
    let problem = Problem { reason, detail, pointer: "" };
    json(status, &Body { accepted: 0, rejected: Vec::new(), error: Some(problem) })
}

/// Nothing was taken, and trying again in so many seconds may work.
pub(crate) fn unavailable(detail: &str, seconds: u64) -> Response {
    after(error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail), seconds)
}

/// Closes the connection behind the answer: what the client still sends is not worth reading.
pub(crate) fn and_close(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
