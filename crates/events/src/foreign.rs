//! Hits in the words of other collectors, put into ours: pages and programs that were written for those go on as they are.
//!
//! Each gives the JSON of a hit as `/collect` takes it, which is then checked as any other.

pub mod event_list;
pub mod web_event;

use std::borrow::Cow;

use crate::members::Value;
use crate::text::Text;

/// The host of an absolute URL, lower case and without its port: what a tracker calls the site where nobody tells it.
fn host(url: &str) -> Option<String> {
    let (_, behind) = url.split_once("://")?;
    let authority = behind.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => host.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// The last member of that name, as Python and JavaScript have it; `null` is absent.
fn member<'a>(members: &[(Text<'_>, Value<'a>)], name: &str) -> Option<Value<'a>> {
    let (_, value) = members.iter().rfind(|(own, _)| **own == *name)?;
    (!value.is_null()).then_some(*value)
}

/// A text, or a number or truth value as a text; nothing of lists and objects.
fn as_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.text() {
        Some(text) => text.ok().map(|text| text.0),
        None => (!value.get().starts_with(['[', '{'])).then(|| value.get().into()),
    }
}

/// `pageview` however others write it; every other type as it is.
fn kind(name: &str) -> &str {
    let is_view = ["pageview", "page_view", "page view"].iter().any(|own| name.eq_ignore_ascii_case(own));
    if is_view { "pageview" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_in_a_url() {
        for (url, expected) in [
            ("https://Shop.example/a?b", Some("shop.example")),
            ("http://localhost:8000", Some("localhost")),
            ("http://ann:pw@[::1]:80/", Some("::1")),
            ("https://", None),
            ("/a", None),
        ] {
            assert_eq!(host(url).as_deref(), expected, "{url}");
        }
    }
}
