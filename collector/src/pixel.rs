//! `GET /pixel.gif`: a hit in a query, for mails and for pages without scripts.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use events::query;

use crate::answer;
use crate::body::Batch;
use crate::client::Peer;
use crate::edge::Edge;
use crate::intake::{Taken, Verdict, take};
use crate::pressure::admit;

/// One transparent point.
const GIF: [u8; 43] = *b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Takes the hit of one query. Who asks for an image gets one, whatever became of the hit: the status says that, and a torn
/// image in a mail helps nobody. Who does not is told in words.
pub(crate) async fn pixel(
    State(edge): State<Arc<Edge>>,
    Extension(Peer(peer)): Extension<Peer>,
    method: Method,
    uri: Uri,
    head: HeaderMap,
) -> Response {
    // Somebody looks whether the image is there. Nobody looks at it.
    if method == Method::HEAD {
        return image(StatusCode::OK);
    }
    let facts = edge.policy.facts(peer.ip(), &uri, &head);
    let _place = match admit(&edge, facts.address) {
        Ok(place) => place,
        Err(shed) => return shed.answer(),
    };
    let query = uri.query().unwrap_or_default();
    let hit = query::to_json(query, referring_page(&head));
    let batch = hit.as_ref().map(|hit| Batch::one(hit)).map_err(Clone::clone);
    let kept = take(&edge, batch, query.as_bytes(), &facts).await;
    if let Ok(Verdict::Hits(Taken { accepted: 1, cookies, .. })) = &kept {
        return answer::with_cookies(image(StatusCode::OK), cookies);
    }
    let told = answer::verdict(kept);
    let wants_image = head.get(header::ACCEPT).is_some_and(|kinds| kinds.as_bytes().starts_with(b"image/"));
    if wants_image { image(told.status()) } else { uncached(told) }
}

/// The page that the image is on: it is the hit's, where the query names none.
fn referring_page(head: &HeaderMap) -> Option<&str> {
    head.get(header::REFERER)?.to_str().ok()
}

fn image(status: StatusCode) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/gif")),
        // Pages that isolate themselves load nothing else from other origins.
        (header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ];
    uncached((status, headers, GIF).into_response())
}

/// An image that a cache answers with is a hit that nobody counts.
fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
