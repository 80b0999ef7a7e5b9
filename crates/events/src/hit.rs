//! A hit, as the engine reads it back from the log.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::ids;
use crate::reason::{Invalid, Reason};
use crate::text::Text;
use crate::time::Timestamp;

mod own_form;

/// The schema that this build reads, and that [`crate::NewHit`] writes.
pub const HIT_SCHEMA: &str = "hit/1";

/// What kind of thing a visitor did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A page was shown.
    PageView,
    /// A page was left, after this many milliseconds of attention.
    Engagement {
        /// Milliseconds, from `props.engaged_ms`; 0 where it is absent.
        engaged_ms: u64,
    },
    /// A server log's line that is no page.
    Request,
    /// An event that the site named itself.
    Custom,
}

/// A hit as the engine reads it from the log: what windows and enrichment need, borrowed from the record.
///
/// Fields that the engine does not read are skipped without a copy; they stay in the raw JSON.
#[derive(Clone, Debug)]
pub struct Hit<'a> {
    /// The hit's id.
    pub hit_id: Uuid,
    /// The site.
    pub site: Text<'a>,
    /// The visitor; `None` is a hit without identity.
    pub visitor_id: Option<Text<'a>>,
    /// Who the site says it is.
    pub user_id: Option<Text<'a>>,
    /// What it was.
    pub kind: Kind,
    /// The corrected time, before clamping to the append time.
    pub event_time: Timestamp,
    /// The page.
    pub url: Option<Text<'a>>,
    /// The document's title.
    pub title: Option<Text<'a>>,
    /// Where the visitor came from.
    pub referrer: Option<Text<'a>>,
    /// BCP 47.
    pub language: Option<Text<'a>>,
    /// `1920x1080`.
    pub screen: Option<Text<'a>>,
    /// The browser's own words.
    pub user_agent: Option<Text<'a>>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Text<'a>>,
    /// ISO 3166-2.
    pub region: Option<Text<'a>>,
    /// Whether it is known that no text of it needs an escape in JSON: where one is written again, nobody need look.
    pub is_plain: bool,
}

/// Names that the pipeline appends to a hit. A record in `hits` that has one already is rejected.
pub const RESERVED: [&str; 18] = [
    "time",
    "raw_offset",
    "clamped",
    "session_id",
    "session_seq",
    "path",
    "source",
    "medium",
    "campaign",
    "term",
    "content",
    "channel",
    "browser",
    "os",
    "device",
    "is_bot",
    "late_reason",
    "missed_session_id",
];

/// The record's JSON as serde sees it. Unknown fields are passed over: a newer collector may write more.
#[derive(Deserialize, Default)]
struct Wire<'a> {
    #[serde(borrow)]
    hit_id: Text<'a>,
    #[serde(borrow)]
    schema: Text<'a>,
    #[serde(borrow)]
    site: Text<'a>,
    #[serde(borrow, default)]
    visitor_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    user_id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    event_time: Timestamp,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
    #[serde(borrow, default)]
    title: Option<Text<'a>>,
    #[serde(borrow, default)]
    referrer: Option<Text<'a>>,
    #[serde(borrow, default)]
    language: Option<Text<'a>>,
    #[serde(borrow, default)]
    screen: Option<Text<'a>>,
    #[serde(borrow, default)]
    user_agent: Option<Text<'a>>,
    #[serde(borrow, default)]
    country: Option<Text<'a>>,
    #[serde(borrow, default)]
    region: Option<Text<'a>>,
    #[serde(borrow, default)]
    props: Option<&'a RawValue>,
    #[serde(default, rename = "time")]
    _time: Reserved,
    #[serde(default, rename = "raw_offset")]
    _raw_offset: Reserved,
    #[serde(default, rename = "clamped")]
    _clamped: Reserved,
    #[serde(default, rename = "session_id")]
    _session_id: Reserved,
    #[serde(default, rename = "session_seq")]
    _session_seq: Reserved,
    #[serde(default, rename = "path")]
    _path: Reserved,
    #[serde(default, rename = "source")]
    _source: Reserved,
    #[serde(default, rename = "medium")]
    _medium: Reserved,
    #[serde(default, rename = "campaign")]
    _campaign: Reserved,
    #[serde(default, rename = "term")]
    _term: Reserved,
    #[serde(default, rename = "content")]
    _content: Reserved,
    #[serde(default, rename = "channel")]
    _channel: Reserved,
    #[serde(default, rename = "browser")]
    _browser: Reserved,
    #[serde(default, rename = "os")]
    _os: Reserved,
    #[serde(default, rename = "device")]
    _device: Reserved,
    #[serde(default, rename = "is_bot")]
    _is_bot: Reserved,
    #[serde(default, rename = "late_reason")]
    _late_reason: Reserved,
    #[serde(default, rename = "missed_session_id")]
    _missed_session_id: Reserved,
}

/// A field that must not be there.
#[derive(Default)]
struct Reserved;

/// How serde's error tells [`Hit::parse`] which kind of error it is.
const RESERVED_MARK: &str = "a name that the pipeline appends itself";

impl<'de> Deserialize<'de> for Reserved {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(RESERVED_MARK))
    }
}

#[derive(Deserialize)]
struct EngagementProps {
    #[serde(default)]
    engaged_ms: Option<f64>,
}

impl<'a> Hit<'a> {
    /// Reads a record of the topic `hits` that is no control record.
    pub fn parse(value: &'a [u8]) -> Result<Self, Invalid> {
        if value.is_empty() {
            return Err(Invalid::new(Reason::EmptyRecord, "", "the record is empty"));
        }
        let text = std::str::from_utf8(value).map_err(|error| {
            Invalid::new(Reason::InvalidUtf8, "", format!("not UTF-8 from byte {}", error.valid_up_to()))
        })?;
        let mut wire = Wire::default();
        let is_plain = own_form::read(text, &mut wire).is_some();
        if !is_plain {
            // serde takes a list for a struct, by the order of its fields; what is appended to needs a brace.
            if text.trim_ascii_start().starts_with('[') {
                return Err(Invalid::new(Reason::WrongType, "", "a hit is a JSON object, not a list"));
            }
            wire = serde_json::from_str(text).map_err(|error| explain(&error))?;
        }
        if &*wire.schema != HIT_SCHEMA {
            let detail = format!("schema `{}` is not known; this build reads {HIT_SCHEMA}", shorten(&wire.schema));
            return Err(Invalid::new(Reason::UnknownSchema, "/schema", detail));
        }
        let hit_id = ids::parse_hit_id(&wire.hit_id).ok_or_else(|| {
            Invalid::new(Reason::InvalidHitId, "/hit_id", format!("hit_id `{}` is no UUID", shorten(&wire.hit_id)))
        })?;
        if !ids::is_site(&wire.site) {
            return Err(Invalid::new(Reason::InvalidSite, "/site", SITE_RULE));
        }
        if wire.visitor_id.as_ref().is_some_and(|visitor| !ids::is_visitor(visitor)) {
            return Err(Invalid::new(Reason::InvalidVisitor, "/visitor_id", VISITOR_RULE));
        }
        let kind = match &*wire.kind {
            "" => return Err(Invalid::new(Reason::InvalidType, "/type", "type is empty")),
            "pageview" => Kind::PageView,
            "request" => Kind::Request,
            "engagement" => Kind::Engagement { engaged_ms: wire.props.map_or(0, engaged_ms) },
            _ => Kind::Custom,
        };
        Ok(Self {
            hit_id,
            site: wire.site,
            visitor_id: wire.visitor_id,
            user_id: wire.user_id,
            kind,
            event_time: wire.event_time,
            url: wire.url,
            title: wire.title,
            referrer: wire.referrer,
            language: wire.language,
            screen: wire.screen,
            user_agent: wire.user_agent,
            country: wire.country,
            region: wire.region,
            is_plain,
        })
    }

    /// Appends the hit's key.
    pub fn write_key(&self, key: &mut Vec<u8>) {
        match &self.visitor_id {
            Some(visitor) => ids::write_visitor_key(key, &self.site, visitor),
            None => ids::write_anonymous_key(key, &self.site, self.hit_id),
        }
    }
}

/// What a site's name must look like.
pub const SITE_RULE: &str = "a site is 1 to 128 visible ASCII characters without `/`";
/// What a visitor's id must look like.
pub const VISITOR_RULE: &str = "a visitor_id is 1 to 128 visible ASCII characters without `/`, not starting with `~`";

fn engaged_ms(props: &RawValue) -> u64 {
    let Ok(props) = serde_json::from_str::<EngagementProps>(props.get()) else { return 0 };
    // A float saturates into the range, and NaN becomes 0; a day is more attention than any page gets.
    props.engaged_ms.map_or(0, |millis| (millis as u64).min(86_400_000))
}

/// At most 64 characters of a text, so that an error message stays a line.
fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(64) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// Gives serde's error the stable name that it has in the project.
fn explain(error: &serde_json::Error) -> Invalid {
    let text = error.to_string();
    let reason = match error.classify() {
        _ if text.contains("recursion limit") => Reason::TooDeep,
        serde_json::error::Category::Data if text.starts_with(RESERVED_MARK) => Reason::ReservedField,
        serde_json::error::Category::Data if text.starts_with("missing field") => Reason::MissingField,
        serde_json::error::Category::Data if text.starts_with("duplicate field") => Reason::DuplicateKey,
        serde_json::error::Category::Data if text.contains("RFC 3339") => Reason::InvalidTime,
        serde_json::error::Category::Data => Reason::WrongType,
        _ => Reason::InvalidJson,
    };
    Invalid::new(reason, "", shorten(&text).into_owned())
}

#[cfg(test)]
mod tests;
