//! The JSON of what the engine emits.
//!
//! A hit is never parsed and written anew: what was derived is appended to its raw JSON, so that no field that a
//! newer collector writes is lost, and most of the record is one copy of memory.

mod fixed;
mod pen;
mod session;

use events::{Offset, Rejection, Timestamp, Uuid};
pub(crate) use pen::{Pen, escaped};
pub(crate) use session::{origin_json, place_json, room_for_session, session};

use crate::enrich::{Agent, Came, Channel, Derived, Enricher, MAX_VALUE_BYTES, Origin};
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
    #[inline(always)]
    fn write(self, pen: &mut Pen<'_>) {
        pen.fixed((b",\"time\":\"", self.time, b"\",\"raw_offset\":"));
        pen.offset(b"", self.offset);
        if self.clamped {
            pen.flag(b",\"clamped\":", true);
        }
    }
}

/// The most that names, times, ids and numbers take that are appended to a hit.
const FIXED: usize = 640;

/// The most that what an origin names takes: campaign parameters and hosts are bounded.
const ORIGIN: usize = 5 * escaped(MAX_VALUE_BYTES);

/// A hit up to its closing brace: what is appended follows there.
fn open_ended(raw: &[u8]) -> &[u8] {
    raw.trim_ascii_end().strip_suffix(b"}").expect("a hit that was read is a JSON object")
}

/// How much room [`enriched`] needs.
pub(crate) fn room_for_enriched(raw: &[u8], derived: &Derived<'_>, agent: &Agent) -> usize {
    FIXED + ORIGIN + raw.len() + escaped(derived.path.map_or(0, str::len)) + agent.json().len()
}

/// A row of `hits.enriched`. `is_plain`: no text of the hit needs an escape.
pub(crate) fn enriched<'o>(
    mut pen: Pen<'o>,
    raw: &[u8],
    placed: Placed,
    session: Option<(&Uuid, u32)>,
    derived: &Derived<'_>,
    enricher: &Enricher,
    is_plain: bool,
) -> Pen<'o> {
    pen.raw(open_ended(raw));
    placed.write(&mut pen);
    if let Some((session_id, seq)) = session {
        pen.fixed((b",\"session_id\":\"", *session_id, b"\",\"session_seq\":"));
        pen.integer(b"", seq.into());
    }
    if let Some(path) = derived.path {
        pen.text(b",\"path\":\"", path.as_bytes(), is_plain);
    }
    match &derived.origin {
        Came::Campaign(origin) => pen = campaign(pen, origin),
        came @ (Came::Within | Came::Elsewhere(_)) => pen.fragment(enricher.referrer_json(came)),
    }
    pen.fragment(enricher.agent(derived.agent).json());
    pen.fixed(b"}");
    pen
}

fn campaign<'o>(mut pen: Pen<'o>, origin: &Origin<'_>) -> Pen<'o> {
    pen.maybe_text(b",\"source\":\"", origin.source.as_deref());
    pen.maybe_text(b",\"medium\":\"", origin.medium.as_deref());
    pen.maybe_text(b",\"campaign\":\"", origin.campaign.as_deref());
    pen.maybe_text(b",\"term\":\"", origin.term.as_deref());
    pen.maybe_text(b",\"content\":\"", origin.content.as_deref());
    pen.maybe_text(b",\"channel\":\"", origin.channel.map(Channel::as_str));
    pen
}

/// How much room [`late`] needs.
pub(crate) fn room_for_late(raw: &[u8]) -> usize {
    FIXED + raw.len()
}

/// A row of `late`.
pub(crate) fn late<'o>(
    mut pen: Pen<'o>,
    raw: &[u8],
    placed: Placed,
    reason: LateReason,
    missed: Option<Uuid>,
) -> Pen<'o> {
    pen.raw(open_ended(raw));
    placed.write(&mut pen);
    pen.text(b",\"late_reason\":\"", reason.as_str().as_bytes(), true);
    if let Some(session_id) = missed {
        pen.fixed((b",\"missed_session_id\":\"", session_id, b"\""));
    }
    pen.fixed(b"}");
    pen
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
