//! A door to an S3 server that speaks as Google's XML API does, as far as this project's client asks.
//!
//! It tests how our client speaks, and nothing of how Google behaves: what lies behind it is another store.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, ETAG, HOST, HeaderName, IF_MATCH, IF_NONE_MATCH};
use hyper::{Request, Response, Uri};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::signed;

const IF_GENERATION: &str = "x-goog-if-generation-match";
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const GENERATION: HeaderName = HeaderName::from_static("x-goog-generation");

/// What Google's client asks, as S3's would ask it.
pub(crate) fn to_s3(server: SocketAddr, request: Request<Bytes>) -> Request<Bytes> {
    let (mut parts, body) = request.into_parts();
    let generation = parts.headers.remove(IF_GENERATION);
    let google: Vec<_> = parts.headers.keys().filter(|name| name.as_str().starts_with("x-goog-")).cloned().collect();
    for name in google.into_iter().chain([AUTHORIZATION, HOST]) {
        parts.headers.remove(name);
    }
    if let Some(generation) = generation {
        // Generation 0 is an object's before it exists; any other one is, here, its tag.
        let is_new = generation == "0";
        let (name, value) = if is_new { (IF_NONE_MATCH, "*".parse()) } else { (IF_MATCH, Ok(generation)) };
        parts.headers.insert(name, value.expect("a star is a value"));
    }
    // Google's client escapes slashes too, and S3 signs what is escaped as little as may be.
    let path = percent_decode_str(parts.uri.path()).collect::<Vec<_>>();
    let path = percent_encode(&path, ESCAPED);
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let uri: Uri = format!("http://{server}{path}{query}").parse().expect("it came as one");
    parts.uri = format!("{path}{query}").parse().expect("it came as one");
    parts.headers = signed::headers(&parts.method, &uri, parts.headers, body.clone());
    parts.headers.insert(HOST, server.to_string().parse().expect("an address is a value"));
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    Request::from_parts(parts, body)
}

/// What S3 answers, as Google would.
pub(crate) fn from_s3(mut answer: Response<Bytes>) -> Response<Bytes> {
    if let Some(tag) = answer.headers().get(ETAG).cloned() {
        answer.headers_mut().insert(GENERATION, tag);
    }
    answer
}
