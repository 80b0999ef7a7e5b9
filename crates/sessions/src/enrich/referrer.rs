//! Where the referrer says that the visitor came from.

use std::borrow::Cow;

use super::sources::{self, Source, lower_case};
use super::url::{Url, without_www};

/// What a hit's referrer tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Referrer<'a> {
    /// There is none, or none that names a place: `about:blank`, `-`, an extension's page.
    Absent,
    /// The visitor came from within the site.
    Internal,
    /// A source that the lists know.
    Listed(Source),
    /// Another site: its host without `www.`, or the id of an app.
    Other(Cow<'a, str>),
}

impl<'a> Referrer<'a> {
    /// Reads a referrer. Within the site is: the page's own host, a host above or below it, or the host that the
    /// site is named by (server logs know no host of their own). `www.` never counts. Two hosts side by side
    /// (`a.example.com`, `b.example.com`) are two sites: it takes a list of public suffixes to know better.
    pub(super) fn read(referrer: Option<&'a str>, page: Option<&Url<'_>>, site: &str) -> Self {
        let Some(referrer) = referrer else { return Self::Absent };
        if page.is_some_and(|page| is_on(page, referrer)) {
            return Self::Internal;
        }
        let url = Url::split(referrer);
        if url.is_web() && is_within(without_www(url.host), page, site) {
            return Self::Internal;
        }
        Self::elsewhere(&url)
    }

    /// Reads a referrer that is not within the site.
    pub(super) fn elsewhere(url: &Url<'a>) -> Self {
        if !url.is_web() {
            return app(url);
        }
        let host = without_www(url.host);
        if !is_host(host) {
            return Self::Absent;
        }
        let host = lower_case(host);
        sources::by_host(&host).map_or(Self::Other(host), Self::Listed)
    }
}

/// Whether a host without `www.` is the page's or the site's.
pub(super) fn is_within(host: &str, page: Option<&Url<'_>>, site: &str) -> bool {
    page.is_some_and(|page| is_same_site(host, without_www(page.host))) || is_same_site(host, without_www(site))
}

/// Whether a text begins as the page's URL does, up to its path. Most referrers are the page before on the same host:
/// those need not be taken apart.
pub(super) fn is_on(page: &Url<'_>, referrer: &str) -> bool {
    let tail = referrer.as_bytes().strip_prefix(page.front.as_bytes());
    tail.is_some_and(|tail| !page.front.is_empty() && matches!(tail.first(), None | Some(b'/')))
}

/// `android-app://com.example.news/…`, as Chrome sends it for a link that was opened in an app.
fn app<'a>(url: &Url<'a>) -> Referrer<'a> {
    let is_app = ["android-app", "ios-app"].iter().any(|scheme| url.scheme.eq_ignore_ascii_case(scheme));
    if !is_app || !is_host(url.host) {
        return Referrer::Absent;
    }
    sources::by_app(url.host).map_or_else(|| Referrer::Other(lower_case(url.host)), Referrer::Listed)
}

/// Whether one is the other, or lies below it.
fn is_same_site(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    let (front, tail) = long.as_bytes().split_at(long.len() - short.len());
    let fits = !short.is_empty() && tail.eq_ignore_ascii_case(short.as_bytes());
    fits && (front.is_empty() || (front.ends_with(b".") && short.contains('.')))
}

/// Whether a host can be shown as a source: DNS bounds it to 253 bytes.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.len() <= 253 && host.bytes().all(|byte| HOST_BYTES[usize::from(byte)])
}

/// Letters, digits, `-`, `.` and `_`, what addresses of IPv6 have beside them, and all that is not ASCII.
static HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let is_sign = matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        table[at] = byte.is_ascii_alphanumeric() || is_sign || !byte.is_ascii();
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_page_on_the_same_host_is_within_the_site_either_way(
            page in "https?://[a-b.@:\\[]{0,4}/[a?]{0,2}", referrer in "https?://[a-b.@:\\[]{0,4}[/?]?[a]{0,2}"
        ) {
            let page = Url::split(&page);
            let url = Url::split(&referrer);
            if is_on(&page, &referrer) {
                prop_assert!(is_same_site(without_www(url.host), without_www(page.host)), "{:?} {:?}", page, url);
            }
        }
    }
}
