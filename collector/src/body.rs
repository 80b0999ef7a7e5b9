//! A request's body, cut into hits: one hit, an array of hits, an envelope around an array, or a hit a line.
//!
//! Only the outer structure is read here; each hit stays the text that it was, so that a bad one cannot take
//! a good one down with it. Nothing is read recursively, and nothing is kept but slices of the body.

use events::incoming::{self, pointer, site, visitor};
use events::members::{Value, each_plain, plain_list};
use events::{Invalid, Limits, Reason, Text, Timestamp};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

/// A body's hits, and what holds for those that do not say otherwise.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The site of hits that name none.
    pub site: Option<Text<'a>>,
    /// The visitor of hits that name none.
    pub visitor_id: Option<Text<'a>>,
    /// When the browser says it sent the request.
    pub sent_at: Option<Timestamp>,
    /// Each hit's JSON text, in order. Never empty.
    pub hits: Vec<&'a str>,
    form: Form,
}

/// How the body is built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    One,
    Array,
    Envelope,
}

impl<'a> Batch<'a> {
    /// Cuts a body into at most so many hits. What is wrong here is wrong with the whole request.
    pub fn parse(body: &'a [u8], most_hits: usize, limits: &Limits) -> Result<Self, Invalid> {
        let text = utf8(body)?;
        match text.trim_ascii_start().as_bytes().first() {
            Some(b'[') => Ok(Self::bare(list(text, most_hits, "")?, Form::Array)),
            Some(b'{') => {
                if is_plain_hit(text) {
                    return Ok(Self::one(text));
                }
                let members = read_whole(text, Members)?;
                match members.hits {
                    Some(hits) => Self::envelope(hits, &members, most_hits, limits),
                    None => Ok(Self::one(text)),
                }
            }
            _ => Err(match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => {
                    let detail = "the body must be a hit, an array of hits, or an object with `hits`";
                    Invalid::new(Reason::WrongType, "", detail)
                }
                Err(error) => no_json(&error),
            }),
        }
    }

    /// One hit that is known to be a JSON object.
    pub fn one(hit: &'a str) -> Self {
        Self::bare(vec![hit], Form::One)
    }

    /// Cuts a body of lines into at most so many hits. What a line holds is its own affair.
    pub fn lines(body: &'a [u8], most_hits: usize) -> Result<Self, Invalid> {
        let lines = utf8(body)?.lines().map(str::trim_ascii).filter(|line| !line.is_empty());
        let hits = counted(lines.take(most_hits + 1).collect(), most_hits, "")?;
        Ok(Self::bare(hits, Form::Array))
    }

    /// The JSON pointer of a hit within the body; lines count as an array does.
    pub fn pointer(&self, index: usize) -> String {
        match self.form {
            Form::One => String::new(),
            Form::Array => format!("/{index}"),
            Form::Envelope => format!("/hits/{index}"),
        }
    }

    fn bare(hits: Vec<&'a str>, form: Form) -> Self {
        Self { site: None, visitor_id: None, sent_at: None, hits, form }
    }

    fn envelope(
        hits: &'a RawValue,
        members: &MembersOf<'a>,
        most_hits: usize,
        limits: &Limits,
    ) -> Result<Self, Invalid> {
        if let Some(name) = &members.twice {
            return Err(Invalid::new(Reason::DuplicateKey, pointer(name), format!("`{}` is there twice", &name[..])));
        }
        if let Some(name) = &members.unknown {
            let detail = format!(
                "beside `hits` a request has site, visitor_id and sent_at, but no `{}`",
                name.chars().take(64).collect::<String>()
            );
            return Err(Invalid::new(Reason::UnknownField, pointer(name), detail));
        }
        let given = |member: Option<&'a RawValue>| member.map(Value::from).filter(|value| !value.is_null());
        let name = |name, member| given(member).map(|value| incoming::text(name, value, limits.name_bytes)).transpose();
        Ok(Self {
            site: name("site", members.site)?.map(site).transpose()?,
            visitor_id: name("visitor_id", members.visitor_id)?.map(visitor).transpose()?,
            sent_at: given(members.sent_at).map(|value| incoming::time("sent_at", value)).transpose()?,
            hits: list(hits.get(), most_hits, "/hits")?,
            form: Form::Envelope,
        })
    }
}

/// A body's text.
pub(crate) fn utf8(body: &[u8]) -> Result<&str, Invalid> {
    std::str::from_utf8(body).map_err(|error| {
        let detail = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        Invalid::new(Reason::InvalidUtf8, "", detail)
    })
}

/// Whether the text is plainly a JSON object that is no envelope.
fn is_plain_hit(text: &str) -> bool {
    each_plain(text, |name, _| (name != "hits").then_some(())).is_some()
}

/// Reads an array of hits as slices of the text.
fn list<'a>(text: &'a str, most: usize, place: &str) -> Result<Vec<&'a str>, Invalid> {
    if !text.trim_ascii_start().starts_with('[') {
        return Err(Invalid::new(Reason::WrongType, place, "`hits` must be an array of hits"));
    }
    let hits = match plain_list(text, most) {
        Some(hits) => hits,
        None => read_whole(text, List { most })?,
    };
    counted(hits, most, place)
}

/// At least one hit, and no more than allowed.
fn counted<'a>(hits: Vec<&'a str>, most: usize, place: &str) -> Result<Vec<&'a str>, Invalid> {
    match hits.len() {
        0 => Err(Invalid::new(Reason::NoHits, place, "there is no hit in the request")),
        count if count > most => {
            let detail = format!("the request has more than {most} hits; send it in parts");
            Err(Invalid::new(Reason::TooManyHits, place, detail))
        }
        _ => Ok(hits),
    }
}

/// Reads one JSON value that is all of the text.
fn read_whole<'a, S: DeserializeSeed<'a>>(text: &'a str, seed: S) -> Result<S::Value, Invalid> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer).map_err(|error| no_json(&error))?;
    deserializer.end().map_err(|error| no_json(&error))?;
    Ok(value)
}

/// serde's message names line and column.
fn no_json(error: &serde_json::Error) -> Invalid {
    Invalid::new(Reason::InvalidJson, "", format!("the body is no JSON: {error}"))
}

/// Reads up to one more hit than allowed and skims over the rest.
struct List {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for List {
    type Value = Vec<&'de str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> de::Visitor<'de> for List {
    type Value = Vec<&'de str>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of hits")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut hits = Vec::new();
        while hits.len() <= self.most {
            let Some(hit) = seq.next_element::<&RawValue>()? else { return Ok(hits) };
            hits.push(hit.get());
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(hits)
    }
}

/// The members of an object that may be an envelope.
#[derive(Default)]
struct MembersOf<'a> {
    hits: Option<&'a RawValue>,
    site: Option<&'a RawValue>,
    visitor_id: Option<&'a RawValue>,
    sent_at: Option<&'a RawValue>,
    /// The first that an envelope does not have.
    unknown: Option<Text<'a>>,
    /// The first that is there twice: an envelope's trouble, and of a lone hit that hit's own.
    twice: Option<Text<'a>>,
}

struct Members;

impl<'de> DeserializeSeed<'de> for Members {
    type Value = MembersOf<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> de::Visitor<'de> for Members {
    type Value = MembersOf<'de>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = MembersOf::default();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            let member = match &*name {
                "hits" => &mut members.hits,
                "site" => &mut members.site,
                "visitor_id" => &mut members.visitor_id,
                "sent_at" => &mut members.sent_at,
                _ => {
                    members.unknown.get_or_insert(name);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if member.replace(map.next_value()?).is_some() {
                members.twice.get_or_insert(name);
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests;
