//! The lists of search engines, social networks, video sites, shops and web mail: `data/sources/*.txt`.
//!
//! A line is a source's name, then in any order its hosts (`bing.com`; `google.*` is any country's), the ids of
//! its Android apps, and other names that `utm_source` knows it by. The lists are this project's own.

use std::borrow::Cow;
use std::sync::LazyLock;

use hashbrown::HashTable;
use memchr::memchr;
use xxhash_rust::xxh3::xxh3_64;

/// What kind of site a source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A search engine.
    Search,
    /// A social network, forum or messenger.
    Social,
    /// A video site.
    Video,
    /// A shop or marketplace.
    Shopping,
    /// Web mail.
    Email,
}

impl Kind {
    /// The medium of a visit that a link on such a site brought.
    pub(super) fn medium(self) -> &'static str {
        match self {
            Self::Search => "organic",
            Self::Social => "social",
            Self::Video => "video",
            Self::Shopping => "referral",
            Self::Email => "email",
        }
    }
}

/// A listed source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Source {
    /// The name that reports show.
    pub(super) name: &'static str,
    /// What kind of site it is.
    pub(super) kind: Kind,
}

/// The list's files.
pub(super) const LISTS: [(Kind, &str); 5] = [
    (Kind::Search, include_str!("../../data/sources/search.txt")),
    (Kind::Social, include_str!("../../data/sources/social.txt")),
    (Kind::Video, include_str!("../../data/sources/video.txt")),
    (Kind::Shopping, include_str!("../../data/sources/shopping.txt")),
    (Kind::Email, include_str!("../../data/sources/email.txt")),
];

/// Labels that may stand left of a search engine's host: what else stands there is another service of its owner
/// (`docs.google.com`), and no search. Two letters are a country or a language.
const SEARCH_LABELS: [&str; 9] = ["www", "m", "search", "r", "images", "image", "html", "lite", "wap"];

/// Second-level labels that make a country's domain: `co.uk`, `com.br`.
const SECOND_LEVEL: [&str; 6] = ["co", "com", "org", "net", "ne", "or"];

/// From a text to the source that it means.
#[derive(Default)]
struct Index(HashTable<(&'static str, Source)>);

impl Index {
    fn get(&self, key: &str) -> Option<Source> {
        self.0.find(xxh3_64(key.as_bytes()), |(known, _)| *known == key).map(|(_, source)| *source)
    }

    /// The first list that names a key keeps it.
    fn put(&mut self, key: &'static str, source: Source) {
        if self.get(key).is_none() {
            self.0.insert_unique(xxh3_64(key.as_bytes()), (key, source), |(key, _)| xxh3_64(key.as_bytes()));
        }
    }
}

#[derive(Default)]
struct Sources {
    /// Hosts and ids of apps.
    hosts: Index,
    /// Hosts without their top-level domain.
    stems: Index,
    /// Names in `utm_source`.
    names: Index,
}

static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
    let mut sources = Sources::default();
    for (kind, list) in LISTS {
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_ascii_whitespace();
            let Some(name) = words.next() else { continue };
            let source = Source { name, kind };
            sources.names.put(name, source);
            for word in words {
                match word.strip_suffix(".*") {
                    Some(stem) => sources.stems.put(stem, source),
                    None if word.contains('.') => sources.hosts.put(word, source),
                    None => sources.names.put(word, source),
                }
            }
        }
    }
    sources
});

/// The source whose host this is, or lies below. The host is lower-case.
pub(super) fn by_host(host: &str) -> Option<Source> {
    let sources = &*SOURCES;
    // `a.b.co.uk` is asked for as `a.b.co.uk`, `b.co.uk`, `co.uk`, and as the stems `a.b`, `b`.
    let stem = stem(host);
    let mut start = 0;
    loop {
        let found = sources.hosts.get(&host[start..]);
        let found = found.or_else(|| stem.get(start..).and_then(|stem| sources.stems.get(stem)));
        if let Some(source) = found {
            let is_search_page = || host[..start].split_terminator('.').all(is_search_label);
            return (source.kind != Kind::Search || is_search_page()).then_some(source);
        }
        start += memchr(b'.', &host.as_bytes()[start..])? + 1;
    }
}

/// The source that `utm_source` means, in any case: a name, or a host.
pub(super) fn by_name(name: &str) -> Option<Source> {
    let name = lower_case(name);
    SOURCES.names.get(&name).or_else(|| by_host(&name))
}

/// The source whose Android app has this id.
pub(super) fn by_app(id: &str) -> Option<Source> {
    SOURCES.hosts.get(&lower_case(id))
}

/// A text in lower case, copied only where it is not so already.
pub(super) fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn is_search_label(label: &str) -> bool {
    label.len() == 2 || SEARCH_LABELS.contains(&label)
}

/// A host without its top-level domain, which is two labels in `co.uk`.
fn stem(host: &str) -> &str {
    let Some((rest, top)) = host.rsplit_once('.') else { return "" };
    match rest.rsplit_once('.') {
        Some((front, second)) if top.len() == 2 && SECOND_LEVEL.contains(&second) => front,
        _ => rest,
    }
}
