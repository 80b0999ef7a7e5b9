//! The browser's side of the pipeline, as it is handed out.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use crate::answer::{self, Response};

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
        let mut answer = match head.get(header::IF_NONE_MATCH) == Some(&self.tag) {
            true => answer::empty(StatusCode::NOT_MODIFIED),
            false => answer::whole(StatusCode::OK, "text/javascript; charset=utf-8", self.script.clone()),
        };
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        answer.headers_mut().insert(header::ETAG, self.tag.clone());
        answer
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
