//! A final session, as the topic `sessions` carries it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::log::Offset;
use crate::time::Timestamp;

/// What made a session final.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// No hit for longer than the gap.
    Gap,
    /// It once refused a hit or a merge, because it would have become too long.
    MaxDuration,
    /// It once refused a hit or a merge, because it would have had too many hits.
    MaxHits,
    /// A bounded run ended.
    EndOfInput,
}

/// One page of a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page<'a> {
    /// The URL's path.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// The document's title.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Cow<'a, str>>,
    /// When it was viewed.
    pub time: Timestamp,
}

/// A final session. Field order is the order in the JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session<'a> {
    /// Derived from site, visitor and the hit that opened it; see [`crate::ids::session_id`].
    pub session_id: Uuid,
    /// `session/1`.
    #[serde(borrow)]
    pub schema: Cow<'a, str>,
    /// The site.
    pub site: Cow<'a, str>,
    /// The visitor.
    pub visitor_id: Cow<'a, str>,
    /// Who the site says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Cow<'a, str>>,
    /// Event time of the first hit.
    pub start: Timestamp,
    /// Event time of the last hit.
    pub end: Timestamp,
    /// `end` − `start` in milliseconds.
    pub duration_ms: i64,
    /// All hits.
    pub hit_count: u32,
    /// Hits of type `pageview`.
    pub pageview_count: u32,
    /// Custom events.
    pub event_count: u32,
    /// One page view and no custom event.
    pub is_bounce: bool,
    /// Time that pages were looked at, in milliseconds, as the tracker measured it.
    pub engaged_ms: u64,
    /// The earliest pages, in order of time.
    pub pages: Vec<Page<'a>>,
    /// Whether there were more pages than `pages` holds.
    pub pages_truncated: bool,
    /// Path of the first page view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_page: Option<Cow<'a, str>>,
    /// Path of the last page view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_page: Option<Cow<'a, str>>,
    /// Referrer of the first hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<Cow<'a, str>>,
    /// Where the first hit came from: `google`, `newsletter`, a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    /// By what means: `organic`, `cpc`, `email`, `referral`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<Cow<'a, str>>,
    /// `utm_campaign` of the first hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Cow<'a, str>>,
    /// `utm_term` of the first hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<Cow<'a, str>>,
    /// `utm_content` of the first hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Cow<'a, str>>,
    /// Source and medium as one of the usual groups: `direct`, `organic_search`, …
    pub channel: Cow<'a, str>,
    /// Browser family of the first hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<Cow<'a, str>>,
    /// Operating system of the first hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<Cow<'a, str>>,
    /// `desktop`, `mobile`, `tablet` or `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Cow<'a, str>>,
    /// Whether the first hit's user agent is a known bot's.
    pub is_bot: bool,
    /// Country of the first hit, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Cow<'a, str>>,
    /// Region of the first hit, ISO 3166-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Cow<'a, str>>,
    /// Language of the first hit, BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Cow<'a, str>>,
    /// Screen of the first hit, `1920x1080`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<Cow<'a, str>>,
    /// What made it final.
    pub closed_by: ClosedBy,
    /// Whether another session of the visitor lies within the gap.
    pub is_split: bool,
    /// Ids of sessions that were merged into this one; hits enriched before name them.
    pub merged_ids: Vec<Uuid>,
    /// Partition of `hits` that its hits came from.
    pub partition: u32,
    /// The lowest offset of its hits.
    pub first_offset: Offset,
    /// The highest offset of its hits.
    pub last_offset: Offset,
    /// The watermark that made it final.
    pub closed_at: Timestamp,
}

impl Session<'_> {
    /// Appends the record's value.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("a session has text keys and finite numbers");
    }
}
