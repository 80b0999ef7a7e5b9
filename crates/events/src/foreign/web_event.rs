//! `POST /api/webeventspub`, the endpoint of a well-known tutorial on Flask and Kafka, and the body of its snippet.
//!
//! Flask's parser names the first required field that is absent, in its own order, and so does this. Texts are as the
//! snippet's `encodeURI` left them, which is undone.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{as_text, host, kind, member};
use crate::members::{Value, members};
use crate::object::Object;
use crate::reason::Invalid;
use crate::text::Text;
use crate::time::Timestamp;

/// What the endpoint says of a field that is absent.
const EMPTY: &str = "This cannot be empty";

/// What it says of a timestamp that is absent or no number.
const NO_TIME: &str = "Input wasn't valid!";

/// A body of the endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebEvent {
    /// The JSON of the hit.
    pub hit: String,
    /// What the endpoint answers with: the timestamp, in UTC, as `2020-04-12 10:11:12`.
    pub id: String,
}

/// Why a body is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It is no JSON object.
    Body(Invalid),
    /// A field is absent or of no use: its name, and the endpoint's words for it.
    Field(&'static str, &'static str),
}

impl WebEvent {
    /// Reads a body. `site` holds where it is given; else the page's host is the site.
    pub fn parse(json: &str, site: Option<&str>) -> Result<Self, Refusal> {
        let members = members(json).map_err(Refusal::Body)?;
        let text = |name: &'static str| member(&members, name).and_then(as_text).ok_or(Refusal::Field(name, EMPTY));
        let page = text("pageUrl")?;
        let last_page = text("lastPageVisited")?;
        let time = member(&members, "timestamp").and_then(millis).ok_or(Refusal::Field("timestamp", NO_TIME))?;
        let kind_name = text("eventType")?;
        let visitor = text("uiud")?;
        let session = text("sessionId")?;
        let referrer = text("referrer")?;
        let landing = text("landingPage")?;

        let page = address(&page);
        let mut hit = Object::new();
        if let Some(site) = site.map(Cow::Borrowed).or_else(|| host(&page).map(Cow::Owned)) {
            hit.text("site", &site);
        }
        hit.text("visitor_id", &visitor);
        hit.text("type", kind(&kind_name));
        // The snippet sends at once, so that a clock that is wrong can be put right.
        hit.json("client_time", &time.as_millis().to_string());
        hit.json("sent_at", &time.as_millis().to_string());
        hit.text("url", &page);
        if let Some(title) = member(&members, "pageTitle").and_then(as_text) {
            hit.text("title", &decoded(&title));
        }
        // `referrer` is the word "direct" within a site, `lastPageVisited` what the browser says.
        let came_from = [last_page, referrer].into_iter().find(|from| !from.is_empty() && *from != "direct");
        if let Some(from) = came_from {
            hit.text("referrer", &address(&from));
        }
        let mut props = Object::new();
        // The snippet has the number when it draws it, and a text when it finds it again: always a text here.
        props.text("sessionId", &session);
        props.text("landingPage", &landing);
        for (name, value) in others(&members) {
            props.json(name, value.get());
        }
        hit.json("props", &props.finish());
        let text = time.to_string();
        Ok(Self { hit: hit.finish(), id: format!("{} {}", &text[..10], &text[11..19]) })
    }
}

/// The endpoint's name of what it calls a field of the hit.
pub fn field(pointer: &str) -> &'static str {
    match pointer {
        "/visitor_id" => "uiud",
        "/type" => "eventType",
        "/client_time" | "/sent_at" => "timestamp",
        "/title" => "pageTitle",
        "/referrer" => "lastPageVisited",
        _ if pointer.starts_with("/props") => "props",
        _ => "pageUrl",
    }
}

/// The fields of the snippet.
const FIELDS: [&str; 9] = [
    "pageUrl",
    "lastPageVisited",
    "timestamp",
    "eventType",
    "uiud",
    "sessionId",
    "referrer",
    "landingPage",
    "pageTitle",
];

/// What a page added of its own.
fn others<'a>(members: &'a [(Text<'_>, Value<'a>)]) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    members.iter().filter(|(name, _)| !FIELDS.contains(&&**name)).map(|(name, value)| (&**name, *value))
}

/// Milliseconds, whole or not, within the years that have four digits.
fn millis(value: Value<'_>) -> Option<Timestamp> {
    let millis = value.get().parse::<f64>().ok()?.floor();
    (-62_135_596_800_000.0..253_402_300_800_000.0).contains(&millis).then(|| Timestamp::from_millis(millis as i64))
}

/// The same for an address. What a browser has in its bar is visible ASCII; where that is not what comes out, nobody had
/// put it in, and the address is as it was sent.
fn address(text: &str) -> Cow<'_, str> {
    Some(decoded(text)).filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic())).unwrap_or(Cow::Borrowed(text))
}

/// Undoes `encodeURI`; what is no outcome of it stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the snippet sends from a page that was reached from a search engine.
    const SENT: &str = r#"{"timestamp":1586686272123,"lastPageVisited":"https://www.google.com/","pageUrl":"https://Shop.example:8443/caf%25C3%25A9?q=a%2520b","pageTitle":"Caf%C3%A9%20100%25","eventType":"Pageview","landingPage":1,"referrer":"https://www.google.com/","uiud":"0190a3f2-0000-4000-8000-00000000000f","sessionId":482733}"#;

    #[test]
    fn the_snippets_body_is_a_hit() {
        let event = WebEvent::parse(SENT, None).unwrap();
        assert_eq!(event.id, "2020-04-12 10:11:12");
        let hit = r#"{"site":"shop.example","visitor_id":"0190a3f2-0000-4000-8000-00000000000f","type":"pageview","client_time":1586686272123,"sent_at":1586686272123,"url":"https://Shop.example:8443/caf%C3%A9?q=a%20b","title":"Café 100%","referrer":"https://www.google.com/","props":{"sessionId":"482733","landingPage":"1"}}"#;
        assert_eq!(event.hit, hit);
    }

    #[test]
    fn an_address_that_was_not_encoded_is_left_as_it_is() {
        for (sent, page) in
            [("http://a/b%2520c", "http://a/b%20c"), ("http://a/b%20c", "http://a/b%20c"), ("http://a/é", "http://a/é")]
        {
            assert_eq!(address(sent), page);
        }
    }

    #[test]
    fn a_page_within_the_site_came_from_where_the_browser_says() {
        let inside = SENT.replace(r#""referrer":"https://www.google.com/""#, r#""referrer":"direct""#);
        assert!(WebEvent::parse(&inside, None).unwrap().hit.contains(r#""referrer":"https://www.google.com/""#));
        let direct = inside.replace(r#""lastPageVisited":"https://www.google.com/""#, r#""lastPageVisited":"""#);
        assert!(!WebEvent::parse(&direct, None).unwrap().hit.contains("referrer"));
    }

    #[test]
    fn a_site_that_is_named_holds_and_what_the_page_added_is_kept() {
        let event = WebEvent::parse(&SENT.replace('}', r#","theme":"dark"}"#), Some("mine")).unwrap();
        assert!(event.hit.starts_with(r#"{"site":"mine","#), "{}", event.hit);
        assert!(
            event.hit.ends_with(r#""props":{"sessionId":"482733","landingPage":"1","theme":"dark"}}"#),
            "{}",
            event.hit
        );
    }

    #[test]
    fn the_first_required_field_that_is_absent_is_named_in_the_endpoints_words() {
        let refused = |json: &str| WebEvent::parse(json, None).unwrap_err();
        assert_eq!(refused("{}"), Refusal::Field("pageUrl", "This cannot be empty"));
        for name in &FIELDS[..8] {
            let renamed = SENT.replace(&format!("\"{name}\""), "\"other\"");
            let words = if *name == "timestamp" { "Input wasn't valid!" } else { "This cannot be empty" };
            assert_eq!(refused(&renamed), Refusal::Field(name, words));
        }
        for time in ["\"1586686272123\"", "null", "1e300", "[1]", "true"] {
            let json = SENT.replace("1586686272123", time);
            assert_eq!(refused(&json), Refusal::Field("timestamp", "Input wasn't valid!"), "{time}");
        }
        assert!(matches!(refused("[1]"), Refusal::Body(_)));
        assert!(WebEvent::parse(&SENT.replace("pageTitle", "x"), None).is_ok(), "the title was never required");
    }
}
