//! A hit, as the collector writes it into the log.

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::hit::HIT_SCHEMA;
use crate::ids;
use crate::object::Object;
use crate::time::Timestamp;

/// A hit on its way into the topic `hits`. Field order is the order in the JSON; what is absent is left out.
#[derive(Clone, Debug)]
pub struct NewHit<'a> {
    /// The hit's id.
    pub hit_id: Uuid,
    /// Always [`HIT_SCHEMA`].
    pub schema: &'static str,
    /// The site.
    pub site: &'a str,
    /// The visitor; absent for a hit without identity.
    pub visitor_id: Option<&'a str>,
    /// Who the site says it is.
    pub user_id: Option<&'a str>,
    /// `pageview`, `engagement`, `request`, or the name of a custom event.
    pub kind: &'a str,
    /// The corrected time of the hit.
    pub event_time: Timestamp,
    /// When the browser says it happened.
    pub client_time: Option<Timestamp>,
    /// When the browser says it sent the request.
    pub sent_at: Option<Timestamp>,
    /// When the collector got it.
    pub received_at: Timestamp,
    /// The page.
    pub url: Option<&'a str>,
    /// The document's title.
    pub title: Option<&'a str>,
    /// Where the visitor came from.
    pub referrer: Option<&'a str>,
    /// BCP 47.
    pub language: Option<&'a str>,
    /// IANA name.
    pub timezone: Option<&'a str>,
    /// `1920x1080`.
    pub screen: Option<&'a str>,
    /// The browser's own words.
    pub user_agent: Option<&'a str>,
    /// The client's address after the site's policy.
    pub ip: Option<&'a str>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<&'a str>,
    /// ISO 3166-2.
    pub region: Option<&'a str>,
    /// What privacy signals were seen, and what was done.
    pub privacy: Option<&'a RawValue>,
    /// `prefetch` or `prerender`: the browser fetched the page before anybody asked for it.
    pub purpose: Option<&'a str>,
    /// In which the site's days are cut, IANA name.
    pub site_timezone: Option<&'a str>,
    /// The site's own properties.
    pub props: Option<&'a RawValue>,
}

impl<'a> NewHit<'a> {
    /// A hit with nothing but what each one has.
    pub fn new(hit_id: Uuid, site: &'a str, kind: &'a str, event_time: Timestamp, received_at: Timestamp) -> Self {
        Self {
            hit_id,
            schema: HIT_SCHEMA,
            site,
            visitor_id: None,
            user_id: None,
            kind,
            event_time,
            client_time: None,
            sent_at: None,
            received_at,
            url: None,
            title: None,
            referrer: None,
            language: None,
            timezone: None,
            screen: None,
            user_agent: None,
            ip: None,
            country: None,
            region: None,
            privacy: None,
            purpose: None,
            site_timezone: None,
            props: None,
        }
    }

    /// The record's key.
    pub fn key(&self) -> Vec<u8> {
        match self.visitor_id {
            Some(visitor) => ids::visitor_key(self.site, visitor),
            None => ids::anonymous_key(self.site, self.hit_id),
        }
    }

    /// The record's value.
    pub fn to_json(&self) -> Vec<u8> {
        let texts = [
            Some(self.site),
            self.visitor_id,
            self.user_id,
            self.url,
            self.title,
            self.referrer,
            self.user_agent,
            self.props.map(RawValue::get),
        ];
        let mut json = Object::with_room(ROOM_BESIDE + texts.iter().flatten().map(|text| text.len()).sum::<usize>());
        json.id("hit_id", self.hit_id);
        json.text("schema", self.schema);
        json.text("site", self.site);
        json.text_if("visitor_id", self.visitor_id);
        json.text_if("user_id", self.user_id);
        json.text("type", self.kind);
        json.time("event_time", self.event_time);
        json.time_if("client_time", self.client_time);
        json.time_if("sent_at", self.sent_at);
        json.time("received_at", self.received_at);
        json.text_if("url", self.url);
        json.text_if("title", self.title);
        json.text_if("referrer", self.referrer);
        json.text_if("language", self.language);
        json.text_if("timezone", self.timezone);
        json.text_if("screen", self.screen);
        json.text_if("user_agent", self.user_agent);
        json.text_if("ip", self.ip);
        json.text_if("country", self.country);
        json.text_if("region", self.region);
        if let Some(privacy) = self.privacy {
            json.json("privacy", privacy.get());
        }
        json.text_if("purpose", self.purpose);
        json.text_if("site_timezone", self.site_timezone);
        if let Some(props) = self.props {
            json.json("props", props.get());
        }
        json.into_bytes()
    }
}

/// The bytes of what a hit has beside its longer texts: names, times, the id. A guess: what is longer grows.
const ROOM_BESIDE: usize = 640;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn every_field_is_written_under_its_name(texts in prop::collection::vec("[ -~\n\"\\\\é]{0,30}", 15), given: [bool; 21]) {
            let at = |n: i64| Timestamp::from_millis(1_793_577_600_000 + n);
            let text = |n: usize| given[n].then_some(&*texts[n]);
            let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
            let (privacy, props) = (raw("{\"gpc\":true}"), raw("{\"a\":[1]}"));
            let hit = NewHit {
                visitor_id: text(0), user_id: text(1), url: text(2), title: text(3), referrer: text(4), language: text(5),
                timezone: text(6), screen: text(7), user_agent: text(8), ip: text(9), country: text(10), region: text(11),
                purpose: text(12), site_timezone: text(13),
                client_time: given[15].then_some(at(1)), sent_at: given[16].then_some(at(2)),
                privacy: given[17].then_some(&*privacy), props: given[18].then_some(&*props),
                ..NewHit::new(Uuid::from_u128(7), &texts[14], "pageview", at(3), at(4))
            };
            let read: Value = serde_json::from_slice(&hit.to_json()).unwrap();
            let mut expected = json!({
                "hit_id": Uuid::from_u128(7).to_string(), "schema": HIT_SCHEMA, "site": texts[14], "type": "pageview",
                "event_time": at(3).to_string(), "received_at": at(4).to_string(),
            });
            let names = ["visitor_id", "user_id", "url", "title", "referrer", "language", "timezone", "screen", "user_agent",
                "ip", "country", "region", "purpose", "site_timezone"];
            for (n, name) in names.iter().enumerate() {
                if given[n] {
                    expected[*name] = json!(texts[n]);
                }
            }
            let others = [("client_time", json!(at(1).to_string())), ("sent_at", json!(at(2).to_string())),
                ("privacy", json!({"gpc": true})), ("props", json!({"a": [1]}))];
            for (n, (name, value)) in others.into_iter().enumerate() {
                if given[15 + n] {
                    expected[name] = value;
                }
            }
            prop_assert_eq!(read, expected);
        }
    }
}
