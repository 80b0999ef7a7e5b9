//! The members of a JSON object, without looking into their values; and the objects of a list.
//!
//! What browsers send is plain, and is read in a fifth of the time that serde takes. All else, valid or not, goes to serde.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess};
use serde_json::value::RawValue;

use crate::reason::{Invalid, Reason};
use crate::rest::Rest;
use crate::text::Text;

/// A value as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    json: &'a str,
    /// Whether it is a text without escapes: then it says what stands between its quotes.
    is_plain_text: bool,
}

impl<'a> Value<'a> {
    /// Its JSON.
    pub fn get(self) -> &'a str {
        self.json
    }

    /// Whether it is `null`, which counts as absent.
    pub fn is_null(self) -> bool {
        self.json == "null"
    }

    /// What it says, if it is a text; an error where half of a surrogate pair stands in it.
    pub fn text(self) -> Option<Result<Text<'a>, serde_json::Error>> {
        if !self.json.starts_with('"') {
            return None;
        }
        Some(match self.is_plain_text {
            true => Ok(self.json[1..self.json.len() - 1].into()),
            false => serde_json::from_str(self.json),
        })
    }

    /// The same for serde.
    pub fn raw(self) -> Result<&'a RawValue, serde_json::Error> {
        serde_json::from_str(self.json)
    }
}

impl<'a> From<&'a RawValue> for Value<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self { json: raw.get(), is_plain_text: false }
    }
}

/// The most members. Sixteen fields are known: far more than that is no hit, and whoever looks for doubles takes a square of it.
const MOST: usize = 256;

/// The members of a JSON object, in order, with values as they stand. Nothing but white space may stand behind it.
pub fn members(json: &str) -> Result<Vec<(Text<'_>, Value<'_>)>, Invalid> {
    plain_members(json).map_or_else(|| members_by_serde(json), Ok)
}

/// The same, where the object is plain: its names have no escapes. `None` says nothing about it.
fn plain_members(json: &str) -> Option<Vec<(Text<'_>, Value<'_>)>> {
    let mut members = Vec::with_capacity(16);
    each_plain(json, |name, value| {
        members.push((name.into(), value));
        (members.len() <= MOST).then_some(())
    })?;
    Some(members)
}

/// Shows each member of a plain object, until one is not wanted. `None` says no more than that, or that it is not plain.
pub fn each_plain<'a>(json: &'a str, each: impl FnMut(&'a str, Value<'a>) -> Option<()>) -> Option<()> {
    let mut rest = Rest::of(json);
    rest.space();
    object(&mut rest, each)?;
    rest.space();
    rest.next().is_none().then_some(())
}

/// The values of a list, each as it stands, if the text is a list of no more than so many. `None` says nothing about it.
pub fn plain_list(json: &str, most: usize) -> Option<Vec<&str>> {
    let mut rest = Rest::of(json);
    let mut values = Vec::new();
    rest.space();
    rest.pass(b'[')?;
    rest.space();
    if rest.pass(b']').is_none() {
        loop {
            rest.space();
            let start = rest;
            if object(&mut rest, |_, _| Some(())).is_none() {
                rest = start;
                rest.value()?;
            }
            values.push(rest.since(start)?);
            if values.len() > most {
                return None;
            }
            rest.space();
            if rest.pass(b',').is_none() {
                rest.pass(b']')?;
                break;
            }
        }
    }
    rest.space();
    rest.next().is_none().then_some(values)
}

/// Takes a plain object off, and shows each member.
fn object<'a>(rest: &mut Rest<'a>, mut each: impl FnMut(&'a str, Value<'a>) -> Option<()>) -> Option<()> {
    rest.pass(b'{')?;
    rest.space();
    if rest.pass(b'}').is_some() {
        return Some(());
    }
    loop {
        rest.space();
        let name = rest.text()?;
        rest.space();
        rest.pass(b':')?;
        rest.space();
        each(name, value(rest)?)?;
        rest.space();
        if rest.pass(b',').is_none() {
            return rest.pass(b'}');
        }
    }
}

fn value<'a>(rest: &mut Rest<'a>) -> Option<Value<'a>> {
    let start = *rest;
    if rest.text().is_some() {
        return Some(Value { json: rest.since(start)?, is_plain_text: true });
    }
    rest.value().map(Value::from)
}

fn members_by_serde(json: &str) -> Result<Vec<(Text<'_>, Value<'_>)>, Invalid> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let members = deserializer.deserialize_any(Members).map_err(|error| not_an_object(json, &error))?;
    deserializer.end().map_err(|error| not_an_object(json, &error))?;
    Ok(members)
}

fn not_an_object(json: &str, error: &serde_json::Error) -> Invalid {
    let reason = match json.trim_start().as_bytes().first() {
        _ if error.to_string().contains("recursion limit") => Reason::TooDeep,
        Some(b'{') => Reason::InvalidJson,
        _ if error.is_data() => Reason::WrongType,
        _ => Reason::InvalidJson,
    };
    Invalid::new(reason, "", format!("a hit must be a JSON object: {error}"))
}

struct Members;

impl<'de> de::Visitor<'de> for Members {
    type Value = Vec<(Text<'de>, Value<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Vec::with_capacity(16);
        while let Some((name, value)) = map.next_entry::<Text<'de>, &RawValue>()? {
            if members.len() == MOST {
                return Err(de::Error::custom(format_args!("more than {MOST} fields")));
            }
            members.push((name, value.into()));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests;
