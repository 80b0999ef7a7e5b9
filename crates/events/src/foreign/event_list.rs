//! `[{"id", "type", "event": {"user_agent", "ip", "timestamp", "page", "query", "product", "referrer", "position"}}]`, the body
//! of a well-known tutorial on FastAPI, Kafka and Spark.
//!
//! It has no visitor: address and user agent together stand for one, as in a server's log. The address is used for nothing
//! else. It has no id that is one of a kind either: equal texts are one hit, sent again.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{as_text, host, kind, member};
use crate::ids;
use crate::members::members;
use crate::object::Object;

/// What every such object has, and hardly anything else.
static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"event\""));

/// The members of an event that a hit has fields of its own for.
const FIELDS: [&str; 5] = ["user_agent", "ip", "timestamp", "page", "referrer"];

/// The JSON of the hit that such an object stands for; none where it is no such object. `site` holds where the page is no
/// absolute URL.
pub fn to_json(json: &str, site: Option<&str>) -> Option<String> {
    // Nearly every hit is none; this is what it costs them.
    MARK.find(json.as_bytes())?;
    let outer = members(json).ok()?;
    if !outer.iter().all(|(name, _)| matches!(&**name, "id" | "type" | "event")) {
        return None;
    }
    let inner = member(&outer, "event").filter(|event| event.get().starts_with('{'))?;
    let inner = members(inner.get()).ok()?;
    let text = |name| member(&inner, name).and_then(as_text);

    let mut hit = Object::new();
    hit.text("hit_id", &ids::content_id(json.as_bytes()).to_string());
    let page = text("page");
    if let Some(site) = page.as_deref().and_then(host).as_deref().or(site) {
        hit.text("site", site);
    }
    let agent = text("user_agent");
    if let Some(address) = text("ip") {
        hit.text("visitor_id", &ids::visitor_of(&address, agent.as_deref()));
    }
    if let Some(name) = member(&outer, "type") {
        let name = as_text(name)?;
        hit.text("type", kind(&name));
    }
    if let Some(time) = text("timestamp") {
        hit.json("client_time", &client_time(&time));
    }
    if let Some(page) = page.filter(|page| !page.is_empty()) {
        let is_url = page.starts_with('/') || page.contains("://");
        if is_url { hit.text("url", &page) } else { hit.text("url", &format!("/{page}")) }
    }
    if let Some(referrer) = text("referrer").filter(|referrer| !referrer.is_empty()) {
        hit.text("referrer", &referrer);
    }
    if let Some(agent) = &agent {
        hit.text("user_agent", agent);
    }
    let mut props = Object::new();
    if let Some(id) = member(&outer, "id") {
        props.json("id", id.get());
    }
    for (name, value) in inner.iter().filter(|(name, value)| !FIELDS.contains(&&**name) && value.get() != "null") {
        props.json(name, value.get());
    }
    if !props.is_empty() {
        hit.json("props", &props.finish());
    }
    Some(hit.finish())
}

/// A time as JSON: milliseconds as a number, a date and time without a zone as UTC, all else as it is.
fn client_time(text: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).expect("a text is JSON");
    if let Ok(number) = text.parse::<i64>() {
        // Seconds until the year 2286; no site is as old as those seconds would be milliseconds.
        let millis = if number.unsigned_abs() < 10_000_000_000 { number * 1000 } else { number };
        return millis.to_string();
    }
    let bytes = text.as_bytes();
    let is_naive = bytes.len() >= 19
        && matches!(bytes[10], b' ' | b'T')
        && bytes[19..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && bytes.is_ascii();
    if is_naive { quoted(&format!("{}T{}Z", &text[..10], &text[11..])) } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = r#"{"id":7,"type":"page_view","event":{"user_agent":"Mozilla/5.0","ip":"192.0.2.7","timestamp":"2024-05-17 10:05:03.250","page":"https://Shop.example/p/1","query":"red shoes","product":4711,"referrer":"https://www.google.com/","position":"3"}}"#;

    #[test]
    fn an_event_is_a_hit() {
        let hit = to_json(SENT, Some("localhost")).unwrap();
        let visitor = ids::visitor_of("192.0.2.7", Some("Mozilla/5.0"));
        let rest = r#""type":"pageview","client_time":"2024-05-17T10:05:03.250Z","url":"https://Shop.example/p/1","referrer":"https://www.google.com/","user_agent":"Mozilla/5.0","props":{"id":7,"query":"red shoes","product":4711,"position":"3"}}"#;
        let behind_id = format!(r#""site":"shop.example","visitor_id":"{visitor}",{rest}"#);
        assert_eq!(hit.split_once("\",").unwrap().1, behind_id);
    }

    #[test]
    fn a_page_by_name_is_a_path_of_the_site_that_is_given() {
        let named =
            to_json(r#"{"id":1,"type":"click","event":{"page":"home","query":null}}"#, Some("localhost")).unwrap();
        let behind_id = named.split_once("\",").unwrap().1;
        assert_eq!(behind_id, r#""site":"localhost","type":"click","url":"/home","props":{"id":1}}"#);
    }

    #[test]
    fn what_is_sent_again_is_the_same_hit_of_the_same_visitor() {
        assert_eq!(to_json(SENT, None), to_json(SENT, None));
        let id = |json: &str| to_json(json, None).unwrap()[..50].to_owned();
        assert_ne!(id(SENT), id(&SENT.replace("\"id\":7", "\"id\":8")));
    }

    #[test]
    fn times_are_what_clients_write() {
        for (text, expected) in [
            ("2024-05-17T10:05:03", "\"2024-05-17T10:05:03Z\""),
            ("2024-05-17T10:05:03+02:00", "\"2024-05-17T10:05:03+02:00\""),
            ("1715940303", "1715940303000"),
            ("1715940303250", "1715940303250"),
            ("soon", "\"soon\""),
        ] {
            assert_eq!(client_time(text), expected);
        }
    }

    #[test]
    fn everything_else_is_left_alone() {
        for json in [
            r#"{"site":"a"}"#,
            r#"{"id":1,"type":"x"}"#,
            r#"{"id":1,"event":"x"}"#,
            r#"{"id":1,"event":{},"site":"a"}"#,
            "7",
            "{",
        ] {
            assert_eq!(to_json(json, None), None, "{json}");
        }
    }
}
