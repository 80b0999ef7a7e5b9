//! What a line holds: a rejection, or a hit. Both become hits that may be sent as they are, at any later time.

use std::borrow::Cow;

use collector::body::Batch;
use collector::time;
use events::foreign::event_list;
use events::foreign::web_event::{Refusal, WebEvent};
use events::members::members;
use events::text::write_json_str;
use events::{Invalid, Limits, Text, Timestamp, ids};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most hits that one rejection stands for.
const MOST_HITS: usize = 100_000;

/// A line of the input.
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    pub(super) text: &'a str,
    /// Whether the request may say whose address a hit came from.
    pub(super) speaks_for_others: bool,
}

/// Why a line is nothing to send.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsent {
    /// It is neither a rejection nor a hit.
    #[error("{}: {}; a line is a record of `tributary tail rejected`, or a hit", .0.reason, .0)]
    Unreadable(Invalid),
    /// What was refused is no hit, and nobody has repaired it.
    #[error("what was refused is no hit: {}: {}", .0.reason, .0)]
    NoHit(Invalid),
    /// What was refused is not there.
    #[error(
        "the rejection does not hold what was refused (its site keeps none of it, or its sender asked not to be tracked)"
    )]
    NotKept,
    /// Only its beginning is there.
    #[error("the rejection holds no more than the beginning of what was refused; put the whole into `raw`")]
    Cut,
    /// It did not come to a collector.
    #[error("what `{0}` refused did not come to a collector")]
    Elsewhere(String),
}

/// A record as `tail` prints it.
#[derive(Deserialize)]
struct Tailed<'a> {
    partition: u32,
    offset: i64,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// What a rejection says.
#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow)]
    origin: Cow<'a, str>,
    time: Timestamp,
    #[serde(borrow)]
    raw_hash: Cow<'a, str>,
    #[serde(borrow, default)]
    site: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    visitor_id: Option<Cow<'a, str>>,
    #[serde(default)]
    sent_at: Option<Timestamp>,
    #[serde(borrow, default)]
    ip: Option<Cow<'a, str>>,
    /// A text, as it was refused; or JSON, which somebody made of it.
    #[serde(borrow, default)]
    raw: Option<&'a RawValue>,
    #[serde(default)]
    raw_truncated: bool,
}

/// What holds for every hit of a line that does not say otherwise.
#[derive(Default)]
struct Known<'a> {
    site: Option<Cow<'a, str>>,
    visitor_id: Option<Cow<'a, str>>,
    ip: Option<Cow<'a, str>>,
    sent_at: Option<Timestamp>,
    /// When it came first; none of a bare hit.
    received_at: Option<Timestamp>,
    /// What its id follows from.
    name: String,
}

/// The hits of a line, each JSON on one line.
pub(super) fn hits(line: &Line<'_>) -> Result<Vec<String>, Unsent> {
    let (record, place) = match serde_json::from_str::<Tailed<'_>>(line.text) {
        Ok(tailed) => (tailed.value.get(), format!("{}@{}", tailed.partition, tailed.offset)),
        Err(_) => (line.text, String::new()),
    };
    match serde_json::from_str::<Refused<'_>>(record) {
        Ok(refused) if refused.schema == "rejection/1" => of_rejection(&refused, &place, line.speaks_for_others),
        _ => {
            let known = Known { name: format!("line {}", line.number), ..Known::default() };
            of_body(record, &known).map_err(Unsent::Unreadable)
        }
    }
}

fn of_rejection(refused: &Refused<'_>, place: &str, speaks_for_others: bool) -> Result<Vec<String>, Unsent> {
    if !matches!(&*refused.origin, "collect" | "spool") {
        return Err(Unsent::Elsewhere(refused.origin.to_string()));
    }
    let raw = refused.raw.filter(|raw| raw.get() != "null").ok_or(Unsent::NotKept)?;
    let text = match raw.get().starts_with('"') {
        true if refused.raw_truncated => return Err(Unsent::Cut),
        true => serde_json::from_str::<Text<'_>>(raw.get()).map_or(Cow::Borrowed(""), |text| text.0),
        false => Cow::Borrowed(raw.get()),
    };
    let known = Known {
        site: refused.site.clone(),
        visitor_id: refused.visitor_id.clone(),
        ip: refused.ip.clone().filter(|_| speaks_for_others),
        sent_at: refused.sent_at,
        received_at: Some(refused.time),
        name: format!("{} {} {place}", refused.raw_hash, refused.time),
    };
    of_body(&text, &known).map_err(Unsent::NoHit)
}

fn of_body(text: &str, known: &Known<'_>) -> Result<Vec<String>, Invalid> {
    let batch = Batch::parse(text.as_bytes(), MOST_HITS, &Limits::default())?;
    let known = Known {
        site: batch.site.as_deref().map(Cow::Borrowed).or_else(|| known.site.clone()),
        visitor_id: batch.visitor_id.as_deref().map(Cow::Borrowed).or_else(|| known.visitor_id.clone()),
        ip: known.ip.clone(),
        sent_at: batch.sent_at.or(known.sent_at),
        received_at: known.received_at,
        name: known.name.clone(),
    };
    batch.hits.iter().enumerate().map(|(index, hit)| complete(hit, index, &known)).collect()
}

/// A hit with what its request said beside it, and with the time at which it happened: by now its clock and when it was sent
/// say nothing any more.
fn complete(hit: &str, index: usize, known: &Known<'_>) -> Result<String, Invalid> {
    // Its words have no room for more, and what they say is all in them.
    if event_list::to_json(hit, known.site.as_deref()).is_some() {
        return Ok(one_line(hit));
    }
    let translated = match WebEvent::parse(hit, known.site.as_deref()) {
        Ok(event) => Some(event.hit),
        Err(Refusal::Body(invalid)) => return Err(invalid),
        Err(Refusal::Field(..)) => None,
    };
    let hit = translated.as_deref().unwrap_or(hit);
    let fields = members(hit)?;
    let field = |name| fields.iter().find(|(own, value)| &**own == name && value.get() != "null");
    let moment = |name| field(name).and_then(|(_, value)| serde_json::from_str::<Timestamp>(value.get()).ok());

    let client_time = known.received_at.filter(|_| field("event_time").is_none()).and_then(|received_at| {
        let (said, sent_at) = (moment("client_time"), moment("sent_at").or(known.sent_at));
        // One that nobody can read is to be refused again, and not replaced.
        let is_readable = said.is_some() || field("client_time").is_none();
        is_readable.then(|| time::event_time(said, time::skew(received_at, sent_at), received_at))
    });
    let replaced = |name: &str| match name {
        "client_time" | "sent_at" => client_time.is_some(),
        _ => false,
    };
    let mut made = Vec::with_capacity(hit.len() + 256);
    let mut put = |name: &str, value: &str| {
        made.push(if made.is_empty() { b'{' } else { b',' });
        write_json_str(&mut made, name);
        made.push(b':');
        made.extend_from_slice(value.as_bytes());
    };
    for (name, value) in fields.iter().filter(|(name, _)| !replaced(name)) {
        put(name, value.get());
    }
    let id = ids::content_id(format!("{} {index}", known.name).as_bytes()).to_string();
    let more = [
        ("hit_id", Some(Cow::Owned(id))),
        ("site", known.site.clone()),
        ("visitor_id", known.visitor_id.clone()),
        ("ip", known.ip.clone()),
    ];
    for (name, value) in more {
        if let (None, Some(value)) = (field(name), value) {
            put(name, &quoted(&value));
        }
    }
    if let Some(time) = client_time {
        put("client_time", &quoted(&time.to_string()));
    }
    made.push(b'}');
    Ok(one_line(std::str::from_utf8(&made).expect("texts put together are text")))
}

fn quoted(text: &str) -> String {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    write_json_str(&mut quoted, text);
    String::from_utf8(quoted).expect("a text in quotes is a text")
}

/// A line break outside a JSON string is only space, and inside one it cannot stand.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests;
