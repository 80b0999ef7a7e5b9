//! A hit, as the collector writes it into the log.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::hit::HIT_SCHEMA;
use crate::ids;
use crate::time::Timestamp;

/// A hit on its way into the topic `hits`. Field order is the order in the JSON; what is absent is left out.
#[derive(Clone, Debug, Serialize)]
pub struct NewHit<'a> {
    /// The hit's id.
    pub hit_id: Uuid,
    /// Always [`HIT_SCHEMA`].
    pub schema: &'static str,
    /// The site.
    pub site: &'a str,
    /// The visitor; absent for a hit without identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor_id: Option<&'a str>,
    /// Who the site says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<&'a str>,
    /// `pageview`, `engagement`, `request`, or the name of a custom event.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The corrected time of the hit.
    pub event_time: Timestamp,
    /// When the browser says it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_time: Option<Timestamp>,
    /// When the browser says it sent the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When the collector got it.
    pub received_at: Timestamp,
    /// The page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'a str>,
    /// The document's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<&'a str>,
    /// Where the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<&'a str>,
    /// BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<&'a str>,
    /// IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<&'a str>,
    /// `1920x1080`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen: Option<&'a str>,
    /// The browser's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    /// The client's address after the site's policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<&'a str>,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'a str>,
    /// ISO 3166-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<&'a str>,
    /// What privacy signals were seen, and what was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<&'a RawValue>,
    /// `prefetch` or `prerender`: the browser fetched the page before anybody asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<&'a str>,
    /// In which the site's days are cut, IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_timezone: Option<&'a str>,
    /// The site's own properties.
    #[serde(skip_serializing_if = "Option::is_none")]
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
        serde_json::to_vec(self).expect("a hit has text keys and finite numbers")
    }
}
