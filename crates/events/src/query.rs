//! A hit in a URL's query, as a pixel carries it: its fields are parameters.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use crate::incoming::pointer;
use crate::object::Object;
use crate::reason::{Invalid, Reason};

/// The parameter that only keeps caches from answering.
const BUSTER: &str = "_";

/// The JSON of the hit that a query describes, for [`crate::IncomingHit::parse`] to check: each parameter is the field of its
/// name, an empty one is absent. `props.NAME` is a text in `props`; `props` itself is an object as JSON. `page` is the hit's
/// `url` where the query has none.
pub fn to_json(query: &str, page: Option<&str>) -> Result<String, Invalid> {
    let (mut hit, mut props) = (Object::new(), Object::new());
    let mut has_url = false;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, "")?;
        let value = decode(value, &name)?;
        match &*name {
            BUSTER => {}
            _ if value.is_empty() => {}
            "props" => {
                serde_json::from_str::<&RawValue>(&value).map_err(|error| {
                    Invalid::new(Reason::InvalidJson, "/props", format!("props are no JSON: {error}"))
                })?;
                hit.json("props", value.trim());
            }
            "client_time" | "sent_at" | "event_time" => match value.parse::<i64>() {
                // Written anew: `007` is a number to us, and none in JSON.
                Ok(millis) => hit.json(&name, &millis.to_string()),
                Err(_) => hit.text(&name, &value),
            },
            _ => match name.strip_prefix("props.") {
                Some(name) => props.text(name, &value),
                None => {
                    has_url |= name == "url";
                    hit.text(&name, &value);
                }
            },
        }
    }
    if let (Some(page), false) = (page, has_url) {
        hit.text("url", page);
    }
    if !props.is_empty() {
        hit.json("props", &props.finish());
    }
    Ok(hit.finish())
}

/// The first value of a parameter, where it is there and not empty.
pub fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, Invalid> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(own, value)| *own == name && !value.is_empty()).map(|(_, value)| value);
    value.map(|value| decode(value, name)).transpose()
}

/// Undoes what forms do to a text: `+` for a space, `%xx` for a byte.
fn decode<'a>(text: &'a str, name: &str) -> Result<Cow<'a, str>, Invalid> {
    let garbled = |_| Invalid::new(Reason::InvalidUtf8, pointer(name), "a parameter is not UTF-8 once it is decoded");
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().map_err(garbled);
    }
    let spaced = text.replace('+', " ");
    Ok(percent_decode_str(&spaced).decode_utf8().map_err(garbled)?.into_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_fields() {
        let query = "site=shop.example&url=https%3A%2F%2Fshop.example%2F%3Fa%3Db%26c&title=It%27s+%22ours%22&_=17\
                     &client_time=1793577600000&sent_at=2026-11-02T00%3A00%3A00Z&user_id=&props.plan=pro&props.n=1";
        let hit = r#"{"site":"shop.example","url":"https://shop.example/?a=b&c","title":"It's \"ours\"","client_time":1793577600000,"sent_at":"2026-11-02T00:00:00Z","props":{"plan":"pro","n":"1"}}"#;
        assert_eq!(to_json(query, None).unwrap(), hit);
        assert_eq!(to_json("", None).unwrap(), "{}");
        assert_eq!(to_json("&&a&b=", None).unwrap(), "{}");
        assert_eq!(to_json("props=%7B%22n%22%3A+1%7D", None).unwrap(), r#"{"props":{"n": 1}}"#);
        assert_eq!(to_json("sent_at=0007&client_time=%2B7", None).unwrap(), r#"{"sent_at":7,"client_time":7}"#);
        assert_eq!(
            to_json("site=a&site=b", None).unwrap(),
            r#"{"site":"a","site":"b"}"#,
            "for the hit's own check to refuse"
        );
    }

    #[test]
    fn the_page_that_an_image_is_on_is_the_hits_where_it_names_none() {
        let page = Some("https://shop.example/");
        assert_eq!(to_json("site=a", page).unwrap(), r#"{"site":"a","url":"https://shop.example/"}"#);
        assert_eq!(to_json("url=%2Fb", page).unwrap(), r#"{"url":"/b"}"#);
    }

    #[test]
    fn what_is_no_text_and_no_json_is_named() {
        let refused = |query: &str| {
            let invalid = to_json(query, None).unwrap_err();
            (invalid.reason, invalid.pointer)
        };
        assert_eq!(refused("title=%ff"), (Reason::InvalidUtf8, "/title".to_owned()));
        assert_eq!(refused("%ff=1"), (Reason::InvalidUtf8, "/".to_owned()));
        assert_eq!(refused("props=%7B"), (Reason::InvalidJson, "/props".to_owned()));
        assert_eq!(refused("props=%7B%7D,%22site%22:1"), (Reason::InvalidJson, "/props".to_owned()));
    }

    #[test]
    fn one_parameter_is_found() {
        assert_eq!(parameter("a=1&site=shop+one&site=b", "site").unwrap().as_deref(), Some("shop one"));
        assert_eq!(parameter("a=1&site=", "site").unwrap(), None);
        assert!(parameter("site=%ff", "site").is_err());
    }
}
