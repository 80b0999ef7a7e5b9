//! Reads hits in the form in which the collector writes them: one flat object without white space, known texts
//! without escapes.
//!
//! Whatever is not in this form, valid or not, goes to serde, which takes twice the time and knows what is wrong.
//! So nothing here decides that a record is bad, and a law in the tests holds the two to the same answers.

use serde_json::value::RawValue;

use super::{RESERVED, Wire};
use crate::text::{Text, plain_len};
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

    /// What a name means: a field that is read, one that is passed over (`Ok(None)`), or one that may not be there.
    fn named(name: &str) -> Result<Option<Self>, ()> {
        Ok(Some(match name {
            "hit_id" => Self::HitId,
            "schema" => Self::Schema,
            "site" => Self::Site,
            "visitor_id" => Self::VisitorId,
            "user_id" => Self::UserId,
            "type" => Self::Kind,
            "event_time" => Self::EventTime,
            "url" => Self::Url,
            "title" => Self::Title,
            "referrer" => Self::Referrer,
            "language" => Self::Language,
            "screen" => Self::Screen,
            "user_agent" => Self::UserAgent,
            "country" => Self::Country,
            "region" => Self::Region,
            "props" => Self::Props,
            "client_time" | "sent_at" | "received_at" | "timezone" | "ip" | "privacy" => return Ok(None),
            name if RESERVED.contains(&name) => return Err(()),
            _ => return Ok(None),
        }))
    }
}

/// The hit, or `None` where it has another form.
pub(super) fn read(json: &str) -> Option<Wire<'_>> {
    let mut wire = Wire::default();
    let mut seen = 0;
    let mut rest = json.strip_prefix('{')?;
    loop {
        let name = take_text(&mut rest)?;
        rest = rest.strip_prefix(':')?;
        let field = Field::named(name).ok()?;
        if let Some(field) = field {
            // Twice is refused, and serde says so.
            if seen & field.bit() != 0 {
                return None;
            }
            seen |= field.bit();
        }
        if rest.starts_with('"') {
            let text = take_text(&mut rest)?;
            if let Some(field) = field {
                set(&mut wire, field, text)?;
            }
        } else {
            let value = take_value(&mut rest)?;
            match field {
                None => {}
                Some(Field::Props) => wire.props = Some(value),
                // A number, or `null`, where a text belongs.
                Some(_) => return None,
            }
        }
        match rest.as_bytes() {
            [b',', ..] => rest = &rest[1..],
            [b'}'] => return (seen & REQUIRED == REQUIRED).then_some(wire),
            _ => return None,
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

/// Takes a text without escapes off, quotes included.
fn take_text<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let inner = rest.strip_prefix('"')?;
    let (text, tail) = inner.split_at(plain_len(inner.as_bytes()));
    *rest = tail.strip_prefix('"')?;
    Some(text)
}

/// Takes any other value off, as serde reads it: `privacy` and `props` are objects.
fn take_value<'a>(rest: &mut &'a str) -> Option<&'a RawValue> {
    // White space before it would be another form; serde would pass over it in silence.
    if rest.starts_with(|first: char| first.is_ascii_whitespace()) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
    let value = values.next()?.ok()?;
    *rest = &rest[values.byte_offset()..];
    Some(value)
}
