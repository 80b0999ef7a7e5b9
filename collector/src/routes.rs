//! What is where on the public port.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use service::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

use crate::access_log::AccessLog;
use crate::answer;
use crate::collect::collect;
use crate::edge::Edge;
use crate::pixel::pixel;
use crate::policy::cors;
use crate::tracker::Tracker;
use crate::web_events::web_event;
use crate::{openapi, paths};

/// Every route, open to the pages that the policy allows.
pub(crate) fn router(edge: Arc<Edge>) -> Router {
    let cors = cors(&edge.policy);
    let watched = |route| {
        let log = edge.access_log.clone();
        from_fn(move |request, next| watch(route, log.clone(), request, next))
    };
    let paths = edge.paths.clone();
    let tracker = Tracker::posting_to(&paths.collect);
    let document = openapi::document(&paths);
    let greeting = format!("Tributary takes hits at POST {}; the tracker is {}.\n", paths.collect, paths.tracker);
    Router::new()
        .route(&paths.collect, post(collect).layer(watched("/collect")))
        .route(&paths.tracker, get(async move |head| tracker.answer(&head)).layer(watched("/tracker.js")))
        .route(paths::PIXEL, get(pixel).layer(watched(paths::PIXEL)))
        .route(paths::WEB_EVENTS, post(web_event).layer(watched(paths::WEB_EVENTS)))
        .route(paths::OPENAPI, get(async move || openapi::answer(document)).layer(watched(paths::OPENAPI)))
        .route("/", get(async move || greeting).layer(watched("/")))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(cors)
        .with_state(edge)
}

/// Counts and times a route's requests.
async fn watch(route: &'static str, log: Option<Arc<AccessLog>>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let entry = log.and_then(|log| log.begin(&request));
    let response = next.run(request).await;
    let status = response.status();
    metrics::counter!(HTTP_REQUESTS, "route" => route, "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!(HTTP_SECONDS, "route" => route).record(start.elapsed());
    if let Some(entry) = entry {
        entry.end(route, status, start.elapsed());
    }
    response
}

async fn not_found() -> Response {
    answer::error(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
}

async fn wrong_method() -> Response {
    answer::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take that method")
}
