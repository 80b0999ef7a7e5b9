//! A hit as somebody hands it in: a browser, a backend, a line of a file. Nothing in it is believed yet.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::hit::{SITE_RULE, VISITOR_RULE};
use crate::ids;
use crate::limits::Limits;
use crate::members::{Value, members};
use crate::props;
use crate::reason::{Invalid, Reason};
use crate::text::{Text, write_json_str};
use crate::time::Timestamp;

/// What a hit handed in may say. Texts are borrowed from the request where they hold no escape.
#[derive(Clone, Debug, Default)]
pub struct IncomingHit<'a> {
    /// The hit's id, where the browser made one.
    pub hit_id: Option<Uuid>,
    /// The site.
    pub site: Option<Text<'a>>,
    /// The visitor; a hit without one has no identity.
    pub visitor_id: Option<Text<'a>>,
    /// Who the site says it is.
    pub user_id: Option<Text<'a>>,
    /// What it was; absent is `pageview`.
    pub kind: Option<Text<'a>>,
    /// The time as the sender knows it; a replay believes it, and the collector if it is a backend's.
    pub event_time: Option<Timestamp>,
    /// When the browser says it happened.
    pub client_time: Option<Timestamp>,
    /// When the browser says it sent the request.
    pub sent_at: Option<Timestamp>,
    /// The page.
    pub url: Option<Text<'a>>,
    /// The document's title.
    pub title: Option<Text<'a>>,
    /// Where the visitor came from.
    pub referrer: Option<Text<'a>>,
    /// BCP 47.
    pub language: Option<Text<'a>>,
    /// IANA name.
    pub timezone: Option<Text<'a>>,
    /// `1920x1080`.
    pub screen: Option<Text<'a>>,
    /// The browser's own words, from a backend that speaks for it.
    pub user_agent: Option<Text<'a>>,
    /// The client's address, from a backend that speaks for it.
    pub ip: Option<IpAddr>,
    /// The site's own properties.
    pub props: Option<Cow<'a, RawValue>>,
    /// Fields that a hit does not have, in order: the site says what becomes of them.
    pub unknown: Vec<(Text<'a>, Value<'a>)>,
}

impl<'a> IncomingHit<'a> {
    /// Reads one JSON object. `null` counts as absent. Each field is checked against its own rule and the
    /// limits; what only the whole request knows (a site in the envelope) is checked by [`Self::complete`].
    pub fn parse(json: &'a str, limits: &Limits) -> Result<Self, Invalid> {
        let fields = members(json)?;
        let mut hit = Self::default();
        for (index, (name, _)) in fields.iter().enumerate() {
            if fields[..index].iter().any(|(before, _)| before == name) {
                return Err(Invalid::new(
                    Reason::DuplicateKey,
                    pointer(name),
                    format!("`{}` is there twice", &name[..]),
                ));
            }
        }
        for (name, value) in fields {
            if !value.is_null() {
                hit.set(name, value, limits)?;
            }
        }
        Ok(hit)
    }

    fn set(&mut self, field: Text<'a>, value: Value<'a>, limits: &Limits) -> Result<(), Invalid> {
        let name = &*field;
        match name {
            "hit_id" => {
                let text = text(name, value, 36)?;
                let id = ids::parse_hit_id(&text);
                self.hit_id =
                    Some(id.ok_or_else(|| Invalid::new(Reason::InvalidHitId, "/hit_id", "hit_id is no UUID"))?);
            }
            "schema" => {
                let text = text(name, value, limits.name_bytes)?;
                if &*text != crate::hit::HIT_SCHEMA {
                    let detail = format!(
                        "schema `{}` is not known; leave it out, or send {}",
                        &text[..],
                        crate::hit::HIT_SCHEMA
                    );
                    return Err(Invalid::new(Reason::UnknownSchema, "/schema", detail));
                }
            }
            "site" => self.site = Some(site(text(name, value, limits.name_bytes)?)?),
            "visitor_id" => self.visitor_id = Some(visitor(text(name, value, limits.name_bytes)?)?),
            "user_id" => self.user_id = Some(text(name, value, limits.name_bytes)?),
            "type" => self.kind = Some(kind(text(name, value, limits.type_bytes)?)?),
            "event_time" => self.event_time = Some(time(name, value)?),
            "client_time" => self.client_time = Some(time(name, value)?),
            "sent_at" => self.sent_at = Some(time(name, value)?),
            "url" => self.url = Some(url(text(name, value, limits.url_bytes)?)?),
            "title" => self.title = Some(text(name, value, limits.text_bytes)?),
            "referrer" => self.referrer = Some(text(name, value, limits.url_bytes)?),
            "language" => self.language = Some(text(name, value, limits.text_bytes)?),
            "timezone" => self.timezone = Some(text(name, value, limits.text_bytes)?),
            "screen" => self.screen = Some(text(name, value, limits.text_bytes)?),
            "user_agent" => self.user_agent = Some(text(name, value, limits.text_bytes)?),
            "ip" => {
                let address = text(name, value, limits.name_bytes)?.parse::<IpAddr>().map_err(|_| {
                    Invalid::new(Reason::InvalidIp, "/ip", "an ip is an address such as 192.0.2.7 or 2001:db8::7")
                })?;
                self.ip = Some(address.to_canonical());
            }
            "props" => {
                props::check(value.get(), limits)?;
                self.props = Some(Cow::Borrowed(value.raw().expect("it was just read")));
            }
            _ if crate::hit::RESERVED.contains(&name) => {
                let detail = format!("`{name}` is a name that the pipeline appends itself; put yours into props");
                return Err(Invalid::new(Reason::ReservedField, pointer(name), detail));
            }
            _ => self.unknown.push((field, value)),
        }
        Ok(())
    }

    /// Puts fields that a hit does not have into its `props`, behind what stands there. The limits hold for all of it.
    pub fn unknown_into_props(&mut self, limits: &Limits) -> Result<(), Invalid> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let own = self.props.as_ref().map_or("{}", |props| props.get()).trim_end();
        let mut text = own.strip_suffix('}').unwrap_or(own).trim_end().as_bytes().to_vec();
        for (name, value) in self.unknown.drain(..) {
            if !text.ends_with(b"{") {
                text.push(b',');
            }
            write_json_str(&mut text, &name);
            text.push(b':');
            text.extend_from_slice(value.get().as_bytes());
        }
        text.push(b'}');
        let text = String::from_utf8(text).expect("texts put together are text");
        props::check(&text, limits)?;
        self.props = Some(Cow::Owned(RawValue::from_string(text).expect("it was just read")));
        Ok(())
    }

    /// Checks what must hold once the envelope's fields have been filled in: there is a site, no field that a hit does not
    /// have, and the client's clock says something believable.
    pub fn complete(&self, received_at: Timestamp, limits: &Limits) -> Result<(), Invalid> {
        if let Some((name, _)) = self.unknown.first() {
            let detail = format!("a hit has no field `{}`; put your own into props", &**name);
            return Err(Invalid::new(Reason::UnknownField, pointer(name), detail));
        }
        if self.site.is_none() {
            return Err(Invalid::new(Reason::MissingField, "/site", "a hit needs a site"));
        }
        for (name, time) in
            [("client_time", self.client_time), ("sent_at", self.sent_at), ("event_time", self.event_time)]
        {
            let Some(time) = time else { continue };
            if time < limits.earliest || time > received_at + limits.furthest_ahead {
                let detail = format!("{name} {time} is before {} or far in the future", limits.earliest);
                return Err(Invalid::new(Reason::TimeOutOfRange, pointer(name), detail));
            }
        }
        Ok(())
    }
}

/// Checks a site's name.
pub fn site(text: Text<'_>) -> Result<Text<'_>, Invalid> {
    if ids::is_site(&text) { Ok(text) } else { Err(Invalid::new(Reason::InvalidSite, "/site", SITE_RULE)) }
}

/// Checks a visitor's id.
pub fn visitor(text: Text<'_>) -> Result<Text<'_>, Invalid> {
    if ids::is_visitor(&text) {
        Ok(text)
    } else {
        Err(Invalid::new(Reason::InvalidVisitor, "/visitor_id", VISITOR_RULE))
    }
}

fn kind(text: Text<'_>) -> Result<Text<'_>, Invalid> {
    let fits = !text.is_empty() && !has_control(&text);
    if fits {
        Ok(text)
    } else {
        Err(Invalid::new(Reason::InvalidType, "/type", "a type is a name without control characters"))
    }
}

fn url(text: Text<'_>) -> Result<Text<'_>, Invalid> {
    // The first two are quickly seen.
    let is_located = text.starts_with("https://") || text.starts_with('/') || text.contains("://");
    let fits = is_located && !has_control(&text);
    let rule = "a url is absolute (https://host/path) or a path that starts with `/`, without control characters";
    if fits { Ok(text) } else { Err(Invalid::new(Reason::InvalidUrl, "/url", rule)) }
}

/// Whether a control character stands in a text. Nearly every text is ASCII, and is not looked at letter by letter.
fn has_control(text: &str) -> bool {
    if text.is_ascii() {
        return text.bytes().fold(false, |found, byte| found | byte.is_ascii_control());
    }
    text.chars().any(char::is_control)
}

/// Reads a JSON text of bounded length.
pub fn text<'a>(name: &str, value: Value<'a>, most: usize) -> Result<Text<'a>, Invalid> {
    let text = value
        .text()
        .ok_or_else(|| Invalid::new(Reason::WrongType, pointer(name), format!("`{name}` must be a string")))?
        .map_err(|error| {
            Invalid::new(Reason::InvalidJson, pointer(name), format!("`{name}` is no JSON string: {error}"))
        })?;
    if text.len() > most {
        let detail = format!("`{name}` is {} bytes long; the limit is {most}", text.len());
        return Err(Invalid::new(Reason::TooLong, pointer(name), detail));
    }
    Ok(text)
}

/// Reads a time: RFC 3339, or milliseconds since the epoch as JavaScript's `Date.now()` gives them.
pub fn time(name: &str, value: Value<'_>) -> Result<Timestamp, Invalid> {
    let json = value.get();
    let invalid = |detail| Invalid::new(Reason::InvalidTime, pointer(name), detail);
    match json.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => json.parse().ok().and_then(Timestamp::writable).ok_or_else(|| {
            let shown: String = json.chars().take(32).collect();
            invalid(format!("{name}: `{shown}` is no whole number of milliseconds within the years 0000 to 9999"))
        }),
        Some(b'"') => text(name, value, 64)?.parse().map_err(|error| invalid(format!("{name}: {error}"))),
        _ => {
            let detail = format!("`{name}` must be an RFC 3339 time, or milliseconds since 1970");
            Err(Invalid::new(Reason::WrongType, pointer(name), detail))
        }
    }
}

/// The JSON pointer to a field (RFC 6901: `~` and `/` are escaped), cut where a name is absurdly long.
pub fn pointer(name: &str) -> String {
    let short: String = name.chars().take(64).collect();
    format!("/{}", short.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
