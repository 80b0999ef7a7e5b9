//! Reads hits in [our own form](crate::own_form), with known texts that have no escapes: where one has, the engine would
//! have to look for what it must escape again.
//!
//! A law in the tests holds this and serde to the same answers.

use super::{RESERVED, Wire};
use crate::own_form::OwnForm;
use crate::text::{Text, is_plain};
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
    let mut record = OwnForm::begin(json)?;
    loop {
        let field = Field::named(record.name()?).ok()?;
        if let Some(field) = field {
            // Twice is refused, and serde says so.
            if seen & field.bit() != 0 {
                return None;
            }
            seen |= field.bit();
        }
        if record.is_text() {
            let text = record.text()?;
            if let Some(field) = field {
                set(wire, field, text)?;
            }
        } else {
            let value = record.value()?;
            match field {
                None => {}
                Some(Field::Props) => wire.props = Some(value),
                // A number, or `null`, where a text belongs.
                Some(_) => return None,
            }
        }
        if !record.goes_on()? {
            return (seen & REQUIRED == REQUIRED).then_some(());
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
