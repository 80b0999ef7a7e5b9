//! What a request says beside its body.

use std::borrow::Cow;
use std::net::IpAddr;

use events::query;
use hyper::Uri;
use hyper::header::{self, HeaderMap, HeaderName};

use super::places::Place;

/// The header of a site's write key. Beacons have no headers of their own: the query's `write_key` says the same.
pub(super) const WRITE_KEY: HeaderName = HeaderName::from_static("x-write-key");

/// Global Privacy Control.
const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");

/// Why a browser fetches a page, in the words of today and in older browsers' ones.
const PURPOSES: [HeaderName; 3] =
    [HeaderName::from_static("sec-purpose"), HeaderName::from_static("purpose"), HeaderName::from_static("x-moz")];

/// What a request says beside its body.
#[derive(Clone, Debug)]
pub struct Facts<'r> {
    /// Who sent it.
    pub address: IpAddr,
    /// Where that is.
    pub place: Place,
    /// The browser's own words.
    pub user_agent: Option<Cow<'r, str>>,
    /// The page that sent it; a browser says so wherever another site may be meant.
    pub origin: Option<&'r str>,
    /// What its sender says to be let in.
    pub write_key: Option<Cow<'r, str>>,
    /// What a backend says to be believed: `Authorization: Bearer KEY`, which no page of another origin may send.
    pub secret_key: Option<&'r str>,
    /// The host that it asked, without a port.
    pub host: Option<&'r str>,
    /// The cookies that it brings.
    pub cookies: Option<&'r str>,
    /// What its sender asks about privacy.
    pub signals: Signals,
    /// `prefetch` or `prerender`, where nobody has asked for the page yet.
    pub purpose: Option<&'static str>,
}

/// What somebody asks about privacy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signals {
    /// Global Privacy Control: `Sec-GPC: 1`.
    pub gpc: bool,
    /// `DNT: 1`.
    pub dnt: bool,
}

impl Signals {
    /// Whether anything is asked.
    pub fn any(self) -> bool {
        self.gpc || self.dnt
    }
}

impl<'r> Facts<'r> {
    /// What headers and query of a request from an address say.
    pub fn of(address: IpAddr, uri: &'r Uri, headers: &'r HeaderMap) -> Self {
        // What is no text is not what anybody asks for.
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
        let is_one = |name| text(name) == Some("1");
        Self {
            address: address.to_canonical(),
            place: Place::default(),
            user_agent: headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes())),
            origin: text(&header::ORIGIN),
            write_key: text(&WRITE_KEY).map(Cow::Borrowed).or_else(|| {
                // What cannot be read opens nothing, as if it were not there.
                query::parameter(uri.query().unwrap_or_default(), "write_key").ok().flatten()
            }),
            secret_key: text(&header::AUTHORIZATION).map(|value| bearer(value).unwrap_or_default()),
            // HTTP/2 has it in the address.
            host: uri.host().or_else(|| text(&header::HOST)).map(without_port),
            cookies: text(&header::COOKIE),
            signals: Signals { gpc: is_one(&SEC_GPC), dnt: is_one(&header::DNT) },
            purpose: PURPOSES.iter().find_map(|name| text(name).and_then(purpose)),
        }
    }
}

/// Why a browser fetches a page: `prefetch`, `prefetch;prerender`, and older browsers' words.
fn purpose(value: &str) -> Option<&'static str> {
    let has = |word: &str| value.split(';').any(|part| part.trim().eq_ignore_ascii_case(word));
    if has("prerender") {
        Some("prerender")
    } else if has("prefetch") || has("preview") {
        Some("prefetch")
    } else {
        None
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (kind, key) = value.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_facts<T>(uri: &str, headers: &[(&'static str, &str)], look: impl Fn(&Facts<'_>) -> T) -> T {
        let uri: Uri = uri.parse().unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect::<HeaderMap>();
        look(&Facts::of("::ffff:192.0.2.7".parse().unwrap(), &uri, &headers))
    }

    #[test]
    fn a_plain_request_says_little() {
        with_facts("/collect", &[], |facts| {
            assert_eq!(facts.address.to_string(), "192.0.2.7");
            assert!(!facts.signals.any() && facts.purpose.is_none() && facts.origin.is_none());
        });
    }

    #[test]
    fn a_host_has_no_port() {
        let named = ["shop.example:8080", "shop.example", "[::1]:80", "[::1]"].map(without_port);
        assert_eq!(named, ["shop.example", "shop.example", "[::1]", "[::1]"]);
    }

    #[test]
    fn a_secret_key_is_a_bearers() {
        let key = |value| with_facts("/", &[("authorization", value)], |facts| facts.secret_key.map(str::to_owned));
        assert_eq!(key("Bearer sesame").as_deref(), Some("sesame"));
        assert_eq!(key("bearer  sesame ").as_deref(), Some("sesame"));
        assert_eq!(key("Basic c2VzYW1l").as_deref(), Some(""), "a key that opens nothing, rather than none");
    }

    #[test]
    fn privacy_is_asked_for_by_a_one() {
        let signals = |headers: &[(&'static str, &str)]| with_facts("/", headers, |facts| facts.signals);
        assert_eq!(signals(&[("sec-gpc", "1")]), Signals { gpc: true, dnt: false });
        assert_eq!(signals(&[("dnt", "1")]), Signals { gpc: false, dnt: true });
        assert!(!signals(&[("sec-gpc", "0"), ("dnt", "0")]).any() && !signals(&[("dnt", "unspecified")]).any());
    }

    #[test]
    fn a_page_that_nobody_asked_for_yet_is_known_by_its_purpose() {
        let purpose = |name, value| with_facts("/", &[(name, value)], |facts| facts.purpose);
        assert_eq!(purpose("sec-purpose", "prefetch"), Some("prefetch"));
        assert_eq!(purpose("sec-purpose", "prefetch;prerender"), Some("prerender"));
        assert_eq!(purpose("sec-purpose", "prefetch; anonymous-client-ip"), Some("prefetch"));
        assert_eq!(purpose("purpose", "Preview"), Some("prefetch"));
        assert_eq!(purpose("x-moz", "prefetch"), Some("prefetch"));
        assert_eq!(purpose("sec-purpose", "something"), None);
    }

    #[test]
    fn a_write_key_is_a_header_or_a_parameter() {
        let key = |uri, headers: &[(&'static str, &str)]| {
            with_facts(uri, headers, |facts| facts.write_key.as_deref().map(str::to_owned))
        };
        assert_eq!(key("/collect?a=b&write_key=wk_1", &[]).as_deref(), Some("wk_1"));
        assert_eq!(key("/collect?write_key=wk%201", &[]).as_deref(), Some("wk 1"));
        assert_eq!(key("/collect?write_key=other", &[("x-write-key", "wk_1")]).as_deref(), Some("wk_1"));
        assert_eq!(key("/collect?write_keys=x", &[]), None);
    }
}
