//! `GET /pixel.gif`: a hit in a query, for mails and for pages without scripts.

use std::net::IpAddr;

use events::query;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::answer::{self, Response};
use crate::body::Batch;
use crate::edge::Edge;
use crate::intake::{Taken, Verdict, take};
use crate::pressure::admit;

/// One transparent point.
const GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Pages that isolate themselves load nothing else from other origins.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Takes the hit of one query. Who asks for an image gets one, whatever became of the hit: the status says that, and a torn
/// image in a mail helps nobody. Who does not is told in words.
pub(crate) async fn pixel(edge: &Edge, peer: IpAddr, head: &Parts) -> Response {
    // Somebody looks whether the image is there. Nobody looks at it.
    if head.method == Method::HEAD {
        return image(StatusCode::OK);
    }
    let facts = edge.policy.facts(peer, &head.uri, &head.headers);
    let _place = match admit(edge, facts.address) {
        Ok(place) => place,
        Err(shed) => return shed.answer(),
    };
    let query = head.uri.query().unwrap_or_default();
    let hit = query::to_json(query, referring_page(&head.headers));
    let batch = hit.as_ref().map(|hit| Batch::one(hit)).map_err(Clone::clone);
    let kept = take(edge, batch, query.as_bytes(), &facts).await;
    if let Ok(Verdict::Hits(Taken { accepted: 1, cookies, .. })) = &kept {
        return answer::with_cookies(image(StatusCode::OK), cookies);
    }
    let told = answer::verdict(kept);
    let wants_image = head.headers.get(header::ACCEPT).is_some_and(|kinds| kinds.as_bytes().starts_with(b"image/"));
    if wants_image { image(told.status()) } else { uncached(told) }
}

/// The page that the image is on: it is the hit's, where the query names none.
fn referring_page(head: &HeaderMap) -> Option<&str> {
    head.get(header::REFERER)?.to_str().ok()
}

fn image(status: StatusCode) -> Response {
    let mut image = answer::whole(status, "image/gif", &GIF[..]);
    image.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    uncached(image)
}

/// An image that a cache answers with is a hit that nobody counts.
fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
