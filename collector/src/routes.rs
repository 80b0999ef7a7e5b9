//! What is where on the public port.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use service::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

use crate::answer;
use crate::collect::collect;
use crate::edge::Edge;
use crate::policy::cors;

/// The browser's side of the pipeline.
const TRACKER: &str = include_str!("../../snippet/tracker.js");

const GREETING: &str = "Tributary takes hits at POST /collect; the tracker is /tracker.js.\n";

/// Every route, open to the pages that the policy allows.
pub(crate) fn router(edge: Arc<Edge>) -> Router {
    let cors = cors(&edge.policy);
    let tag = tracker_tag();
    let watched = |route| from_fn(move |request, next| watch(route, request, next));
    Router::new()
        .route("/collect", post(collect).layer(watched("/collect")))
        .route("/tracker.js", get(move |headers| tracker(headers, tag)).layer(watched("/tracker.js")))
        .route("/", get(|| async { GREETING }).layer(watched("/")))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(cors)
        .with_state(edge)
}

/// Counts and times a route's requests.
async fn watch(route: &'static str, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    metrics::counter!(HTTP_REQUESTS, "route" => route, "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!(HTTP_SECONDS, "route" => route).record(start.elapsed());
    response
}

/// The tracker, cached for an hour, then asked for by its tag.
async fn tracker(headers: HeaderMap, tag: HeaderValue) -> Response {
    let caching =
        [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")), (header::ETAG, tag.clone())];
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"))];
    (kind, caching, TRACKER).into_response()
}

fn tracker_tag() -> HeaderValue {
    let tag = format!("\"{}\"", events::ids::content_hash(TRACKER.as_bytes()));
    HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes are a header's value")
}

async fn not_found() -> Response {
    answer::error(StatusCode::NOT_FOUND, "not_found", "there is nothing here; hits go to POST /collect")
}

async fn wrong_method() -> Response {
    answer::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take that method")
}
