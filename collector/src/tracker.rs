//! The browser's side of the pipeline, as it is handed out.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

const TRACKER: &str = include_str!("../../snippet/tracker.js");

/// Where the tracker says what it posts to.
const ENDPOINT: &str = "\"/collect\"";

/// The tracker, with the path that it posts to.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    script: Bytes,
    tag: HeaderValue,
}

impl Tracker {
    pub(crate) fn posting_to(path: &str) -> Self {
        let script = TRACKER.replacen(ENDPOINT, &format!("\"{path}\""), 1);
        let tag = format!("\"{}\"", events::ids::content_hash(script.as_bytes()));
        let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes are a header's value");
        Self { script: script.into(), tag }
    }

    /// Cached for an hour, then asked for by its tag.
    pub(crate) fn answer(&self, head: &HeaderMap) -> Response {
        let caching = [
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
            (header::ETAG, self.tag.clone()),
        ];
        if head.get(header::IF_NONE_MATCH) == Some(&self.tag) {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"))];
        (kind, caching, self.script.clone()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tracker_posts_where_it_is_told() {
        assert_eq!(TRACKER.matches(ENDPOINT).count(), 1);
        let renamed = Tracker::posting_to("/a/b");
        assert_eq!(String::from_utf8(renamed.script.to_vec()).unwrap(), TRACKER.replace(ENDPOINT, "\"/a/b\""));
        assert_ne!(renamed.tag, Tracker::posting_to("/collect").tag);
    }
}
