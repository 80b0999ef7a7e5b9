//! What is where on the public port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use service::metrics::{HTTP_REQUESTS, HTTP_SECONDS};
use tower_http::cors::{Any, CorsLayer};

use crate::answer;
use crate::collect::collect;
use crate::edge::Edge;

/// The browser's side of the pipeline.
const TRACKER: &str = include_str!("../../snippet/tracker.js");

const GREETING: &str = "Tributary takes hits at POST /collect; the tracker is /tracker.js.\n";

/// How long a browser may remember that it may post here.
const PREFLIGHT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Every route, open to pages of every origin: a tracked site is another origin by nature.
pub(crate) fn router(edge: Arc<Edge>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE])
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE);
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
