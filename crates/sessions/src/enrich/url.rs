//! Splits a URL into what enrichment reads. Nothing is decoded, and no text is refused.

use events::text::find_any;
use memchr::{memchr, memchr2, memrchr};

/// The parts of a URL, all borrowed from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Url<'a> {
    /// What stands before `://`; empty in a bare path.
    pub(super) scheme: &'a str,
    /// The host without user, port and a trailing dot, in the case it was written; empty in a bare path.
    pub(super) host: &'a str,
    /// The path without query and fragment; `/` where it is empty.
    pub(super) path: &'a str,
    /// What stands between `?` and `#`.
    pub(super) query: &'a str,
    /// `https://shop.example`: all before the path, where that is a scheme and a host as they stand above; else empty.
    pub(super) front: &'a str,
}

impl<'a> Url<'a> {
    /// Splits an absolute URL, or a bare path as server logs have it. Any other text is taken as a path.
    pub(super) fn split(url: &'a str) -> Self {
        Self::split_plain(url).unwrap_or_else(|| Self::split_any(url))
    }

    /// Whether it names a page by its host, and not an app or a file.
    pub(super) fn is_web(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("https") || self.scheme.eq_ignore_ascii_case("http")
    }

    /// What nearly every URL is: `https://` or `http://`, a host without user and port, a slash. It takes half
    /// of the instructions.
    fn split_plain(url: &'a str) -> Option<Self> {
        let scheme = if url.starts_with("https://") {
            "https"
        } else if url.starts_with("http://") {
            "http"
        } else {
            return None;
        };
        let host_at = scheme.len() + "://".len();
        let path_at = host_at + find_any(&url.as_bytes()[host_at..], *b"/?#:@")?;
        let (front, tail) = url.split_at(path_at);
        if !tail.starts_with('/') {
            return None;
        }
        let (path, query) = match find_any(tail.as_bytes(), *b"?#") {
            None => (tail, ""),
            Some(at) => (&tail[..at], query(&tail[at..])),
        };
        let written = &front[host_at..];
        let host = written.strip_suffix('.').unwrap_or(written);
        let front = if host.is_empty() || host.len() < written.len() { "" } else { front };
        Some(Self { scheme, host, path, query, front })
    }

    fn split_any(url: &'a str) -> Self {
        let (front, query) = match memchr2(b'?', b'#', url.as_bytes()) {
            None => (url, ""),
            Some(at) => (&url[..at], query(&url[at..])),
        };
        let (scheme, host, path) = match authority(front) {
            None => ("", "", front),
            Some((scheme, rest)) => {
                let end = memchr(b'/', rest.as_bytes()).unwrap_or(rest.len());
                (scheme, host(&rest[..end]), &rest[end..])
            }
        };
        Self { scheme, host, path: if path.is_empty() { "/" } else { path }, query, front: "" }
    }
}

/// The query of a text that begins with `?` or `#`.
fn query(tail: &str) -> &str {
    match tail.strip_prefix('?') {
        None => "",
        Some(query) => memchr(b'#', query.as_bytes()).map_or(query, |end| &query[..end]),
    }
}

/// The scheme, and what follows `://`.
fn authority(front: &str) -> Option<(&str, &str)> {
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let end = front.bytes().position(|byte| !in_scheme(byte))?;
    let rest = front[end..].strip_prefix("://")?;
    (end > 0).then_some((&front[..end], rest))
}

/// The host of `user:password@host:port`.
fn host(authority: &str) -> &str {
    let host = match memchr2(b':', b'@', authority.as_bytes()) {
        None => authority,
        Some(_) => {
            let place = memrchr(b'@', authority.as_bytes()).map_or(authority, |at| &authority[at + 1..]);
            if place.starts_with('[') {
                memchr(b']', place.as_bytes()).map_or(place, |end| &place[..=end])
            } else {
                memchr(b':', place.as_bytes()).map_or(place, |colon| &place[..colon])
            }
        }
    };
    host.strip_suffix('.').unwrap_or(host)
}

/// A host as sites are named: without `www.`, whatever its case.
pub(super) fn without_www(host: &str) -> &str {
    match host.as_bytes() {
        [w0, w1, w2, b'.', _, ..] if [w0, w1, w2].iter().all(|byte| byte.eq_ignore_ascii_case(&b'w')) => &host[4..],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_url_is_split_as_any_other(tail in "[a-c./?#:@\\[\\]é]{0,12}", scheme in prop::sample::select(vec!["https://", "http://", ""])) {
            let url = format!("{scheme}{tail}");
            if let Some(plain) = Url::split_plain(&url) {
                prop_assert_eq!(Url { front: "", ..plain }, Url::split_any(&url));
                let front = format!("{}://{}", plain.scheme, plain.host);
                prop_assert!(plain.front.is_empty() || plain.front == front);
            }
        }
    }
}
