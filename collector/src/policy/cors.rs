//! Which pages may post from other origins.

use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use tower_http::cors::{AllowCredentials, AllowOrigin, Any, CorsLayer};

use super::Policy;
use super::facts::WRITE_KEY;

/// How long a browser may remember that it may post here.
const PREFLIGHT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Open to pages of every origin: a tracked site is another origin by nature. With a file of sites, to those alone that one
/// of them allows; whether it is the hit's own site, the hit is asked.
pub(crate) fn cors(policy: &Policy) -> CorsLayer {
    let cors = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::CONTENT_ENCODING, WRITE_KEY])
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE);
    if policy.rules().sites().takes_any() {
        return cors.allow_origin(Any);
    }
    let text = |origin: &HeaderValue| origin.to_str().unwrap_or_default().to_owned();
    let (allowing, wanting) = (policy.clone(), policy.clone());
    cors.allow_origin(AllowOrigin::predicate(move |origin, _| allowing.rules().allow(&text(origin))))
        .allow_credentials(AllowCredentials::predicate(move |origin, _| wanting.rules().want_cookie(&text(origin))))
}
