//! Reads hits in the form in which the collector writes them: one flat object without white space, known texts
//! without escapes.
//!
//! Whatever is not in this form, valid or not, goes to serde, which takes twice the time and knows what is wrong.
//! So nothing here decides that a record is bad, and a law in the tests holds the two to the same answers.

use serde_json::value::RawValue;

use super::{RESERVED, Wire};
use crate::text::{Text, find_any, is_plain, plain_len};
use crate::time::{self, Timestamp};

/// The fields that every hit has.
const REQUIRED: u32 =
    Field::HitId.bit() | Field::Schema.bit() | Field::Site.bit() | Field::Kind.bit() | Field::EventTime.bit();

/// The fields that are read, to see which were there.
#[derive(Clone, Copy)]
enum Field {
    HitId,
    Schema,
    Site,
    VisitorId,
    UserId,
    Kind,
    EventTime,
    Url,
    Title,
    Referrer,
    Language,
    Screen,
    UserAgent,
    Country,
    Region,
    Props,
}

impl Field {
    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// What a name means: a field that is read, one that is passed over (`Ok(None)`), or one that serde must see: it may
    /// not be there, or it has escapes and may mean any other.
    fn named(name: &[u8]) -> Result<Option<Self>, ()> {
        Ok(Some(match name {
            b"hit_id" => Self::HitId,
            b"schema" => Self::Schema,
            b"site" => Self::Site,
            b"visitor_id" => Self::VisitorId,
            b"user_id" => Self::UserId,
            b"type" => Self::Kind,
            b"event_time" => Self::EventTime,
            b"url" => Self::Url,
            b"title" => Self::Title,
            b"referrer" => Self::Referrer,
            b"language" => Self::Language,
            b"screen" => Self::Screen,
            b"user_agent" => Self::UserAgent,
            b"country" => Self::Country,
            b"region" => Self::Region,
            b"props" => Self::Props,
            b"client_time" | b"sent_at" | b"received_at" | b"timezone" | b"ip" | b"privacy" | b"purpose"
            | b"site_timezone" => return Ok(None),
            name if RESERVED.iter().any(|reserved| reserved.as_bytes() == name) || !is_plain(name) => return Err(()),
            _ => return Ok(None),
        }))
    }
}

/// Reads the hit into an empty one, or as far as it can where it has another form.
pub(super) fn read<'a>(json: &'a str, wire: &mut Wire<'a>) -> Option<()> {
    let mut seen = 0;
    let mut rest = Rest { json, at: 0 };
    rest.pass(b'{')?;
    loop {
        let field = Field::named(rest.name()?).ok()?;
        rest.pass(b':')?;
        if let Some(field) = field {
            // Twice is refused, and serde says so.
            if seen & field.bit() != 0 {
                return None;
            }
            seen |= field.bit();
        }
        if rest.next()? == b'"' {
            let text = rest.text()?;
            if let Some(field) = field {
                set(wire, field, text)?;
            }
        } else {
            let value = rest.value()?;
            match field {
                None => {}
                Some(Field::Props) => wire.props = Some(value),
                // A number, or `null`, where a text belongs.
                Some(_) => return None,
            }
        }
        if rest.pass(b',').is_none() {
            rest.pass(b'}')?;
            return (seen & REQUIRED == REQUIRED && rest.next().is_none()).then_some(());
        }
    }
}

fn set<'a>(wire: &mut Wire<'a>, field: Field, text: &'a str) -> Option<()> {
    let value = Text::from(text);
    match field {
        Field::HitId => wire.hit_id = value,
        Field::Schema => wire.schema = value,
        Field::Site => wire.site = value,
        Field::Kind => wire.kind = value,
        Field::EventTime => wire.event_time = Timestamp::from_millis(time::parse_own_form(text.as_bytes())?),
        Field::VisitorId => wire.visitor_id = Some(value),
        Field::UserId => wire.user_id = Some(value),
        Field::Url => wire.url = Some(value),
        Field::Title => wire.title = Some(value),
        Field::Referrer => wire.referrer = Some(value),
        Field::Language => wire.language = Some(value),
        Field::Screen => wire.screen = Some(value),
        Field::UserAgent => wire.user_agent = Some(value),
        Field::Country => wire.country = Some(value),
        Field::Region => wire.region = Some(value),
        // A text: serde takes it as a raw value.
        Field::Props => return None,
    }
    Some(())
}

/// What is still to be read.
struct Rest<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn next(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn pass(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Takes a name off up to the next quote, whatever stands in it.
    fn name(&mut self) -> Option<&'a [u8]> {
        self.pass(b'"')?;
        let rest = &self.json.as_bytes()[self.at..];
        let name = &rest[..find_any(rest, *b"\"")?];
        self.at += name.len() + 1;
        Some(name)
    }

    /// Takes a text without escapes off, quotes included.
    fn text(&mut self) -> Option<&'a str> {
        self.pass(b'"')?;
        let text = self.json.get(self.at..)?;
        let text = text.get(..plain_len(text.as_bytes()))?;
        self.at += text.len();
        self.pass(b'"')?;
        Some(text)
    }

    /// Takes any other value off, as serde reads it: `privacy` and `props` are objects.
    fn value(&mut self) -> Option<&'a RawValue> {
        // White space before it would be another form; serde would pass over it in silence.
        if self.next()?.is_ascii_whitespace() {
            return None;
        }
        let mut values = serde_json::Deserializer::from_str(self.json.get(self.at..)?).into_iter::<&RawValue>();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}
