//! What a request is answered with: always JSON, always saying what became of it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use events::{Invalid, Reason};
use serde::Serialize;

use crate::intake::{Unkept, Verdict};

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
    let response = (status, Json(Body { accepted, rejected, error: None })).into_response();
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
    let body = Body { accepted: 0, rejected: Vec::new(), error: Some(Problem::of(invalid)) };
    (status, Json(body)).into_response()
}

/// Something outside the body stands against it.
pub(crate) fn error(status: StatusCode, reason: &str, detail: &str) -> Response {
    let problem = Problem { reason, detail, pointer: "" };
    (status, Json(Body { accepted: 0, rejected: Vec::new(), error: Some(problem) })).into_response()
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
