//! The JSON of what the engine emits.
//!
//! A hit is never parsed and written anew: what was derived is appended to its raw JSON, so that no field that a
//! newer collector writes is lost, and most of the record is one copy of memory.

mod fields;
mod fixed;
mod session;

use events::{Offset, Rejection, Timestamp, Uuid};
use fields::Fields;
pub(crate) use session::{origin_json, place_json, session};

use crate::enrich::Derived;
use crate::late::LateReason;

/// What the engine found out about every hit, late or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// The time that windows and dates use.
    pub(crate) time: Timestamp,
    /// Whether it is the append time instead of the hit's own.
    pub(crate) clamped: bool,
    /// Its offset in `hits`.
    pub(crate) offset: Offset,
}

impl Placed {
    fn write(self, fields: &mut Fields<'_>) {
        fields.fixed((b",\"time\":\"", self.time, b"\",\"raw_offset\":"));
        fields.offset("", self.offset);
        if self.clamped {
            fields.flag(",\"clamped\":", true);
        }
    }
}

/// About how many bytes are appended to an ordinary hit.
const APPENDED: usize = 320;

/// A row of `hits.enriched`. `is_plain`: no text of the hit needs an escape.
pub(crate) fn enriched(
    out: &mut Vec<u8>,
    raw: &[u8],
    placed: Placed,
    session: Option<(Uuid, u32)>,
    derived: &Derived<'_>,
    is_plain: bool,
) {
    let mut fields = Fields::after(raw, APPENDED, out);
    placed.write(&mut fields);
    if let Some((session_id, seq)) = session {
        fields.fixed((b",\"session_id\":\"", session_id, b"\",\"session_seq\":"));
        fields.integer("", seq.into());
    }
    if let Some(path) = derived.path {
        fields.utf8(",\"path\":", path.as_bytes(), is_plain);
    }
    let origin = &derived.origin;
    fields.maybe_text(",\"source\":", origin.source.as_deref());
    fields.maybe_text(",\"medium\":", origin.medium.as_deref());
    fields.maybe_text(",\"campaign\":", origin.campaign.as_deref());
    fields.maybe_text(",\"term\":", origin.term.as_deref());
    fields.maybe_text(",\"content\":", origin.content.as_deref());
    if let Some(channel) = origin.channel {
        fields.quoted(",\"channel\":", channel.as_str().as_bytes());
    }
    fields.raw(derived.agent.json());
    fields.raw(b"}");
}

/// A row of `late`.
pub(crate) fn late(out: &mut Vec<u8>, raw: &[u8], placed: Placed, reason: LateReason, missed: Option<Uuid>) {
    let mut fields = Fields::after(raw, APPENDED, out);
    placed.write(&mut fields);
    fields.quoted(",\"late_reason\":", reason.as_str().as_bytes());
    if let Some(session_id) = missed {
        fields.fixed((b",\"missed_session_id\":\"", session_id, b"\""));
    }
    fields.raw(b"}");
}

/// A record of `rejected` for something in `hits` that could not be read.
pub(crate) fn rejected(
    out: &mut Vec<u8>,
    invalid: &events::Invalid,
    partition: u32,
    offset: Offset,
    time: Timestamp,
    raw: &[u8],
) {
    let rejection = Rejection::new(invalid.reason, &*invalid.detail, format!("hits/{partition}@{offset}"), time, raw);
    let rejection = if invalid.pointer.is_empty() { rejection } else { rejection.at(&*invalid.pointer) };
    out.extend_from_slice(&rejection.to_json());
}

/// Site and visitor of a key `site/visitor_id`.
pub(crate) fn split_key(key: &[u8]) -> (&str, &str) {
    let key = std::str::from_utf8(key).expect("sites and visitors are ASCII");
    key.split_once('/').expect("a visitor's key has a slash")
}
