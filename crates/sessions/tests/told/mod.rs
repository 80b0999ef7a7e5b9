//! The engine's records, told in the model's words.
//!
//! Needs the model as a sibling module: `mod model; mod told;`.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "several test programs include this, and one that cannot go on fails"
)]

use std::borrow::Cow;

use events::{Session, Timestamp};
use serde_json::Value;

use super::model;
use model::{ClosedBy, Effect, FinalSession, Known, LateReason, Visit};

/// A record of `hits.enriched`.
pub fn enriched(value: &[u8]) -> Effect {
    let json = json(value);
    Effect::Enriched {
        offset: json["raw_offset"].as_i64().unwrap(),
        session_id: text(&json["session_id"]),
        seq: json["session_seq"].as_u64().map(|seq| seq as u32),
        time: time(&json["time"]),
        clamped: json["clamped"] == true,
    }
}

/// A record of `late`.
pub fn late(value: &[u8]) -> Effect {
    let json = json(value);
    let reason = match json["late_reason"].as_str().unwrap() {
        "session_closed" => LateReason::SessionClosed,
        "too_old" => LateReason::TooOld,
        "state_full" => LateReason::StateFull,
        other => panic!("no reason: {other}"),
    };
    let missed = text(&json["missed_session_id"]);
    Effect::Late { offset: json["raw_offset"].as_i64().unwrap(), reason, missed, time: time(&json["time"]) }
}

/// A record of `sessions`, which is what its type writes, but for what it knows from its hits' details. It does not say
/// where its pages stand in the log: their offsets are 0.
pub fn final_session(value: &[u8]) -> FinalSession {
    let session = session(value);
    let mut again = Vec::new();
    session.write_json(&mut again);
    assert_eq!(std::str::from_utf8(value), std::str::from_utf8(&again), "the record is what its type writes");
    FinalSession {
        session_id: session.session_id.to_string(),
        site: session.site.into(),
        visitor: session.visitor_id.into(),
        start: session.start.as_millis(),
        end: session.end.as_millis(),
        duration_ms: session.duration_ms,
        hit_count: session.hit_count as usize,
        pageview_count: session.pageview_count as usize,
        event_count: session.event_count as usize,
        is_bounce: session.is_bounce,
        engaged_ms: session.engaged_ms,
        pages: session.pages.iter().map(|page| (page.time.as_millis(), 0, page.path.to_string())).collect(),
        pages_truncated: session.pages_truncated,
        entry_page: session.entry_page.map(Into::into),
        exit_page: session.exit_page.map(Into::into),
        known: None,
        closed_by: match session.closed_by {
            events::ClosedBy::Gap => ClosedBy::Gap,
            events::ClosedBy::MaxDuration => ClosedBy::MaxDuration,
            events::ClosedBy::MaxHits => ClosedBy::MaxHits,
            events::ClosedBy::EndOfInput => ClosedBy::EndOfInput,
        },
        is_split: session.is_split,
        merged_ids: session.merged_ids.iter().map(ToString::to_string).collect(),
        first_offset: session.first_offset.0,
        last_offset: session.last_offset.0,
        closed_at: session.closed_at.as_millis(),
    }
}

/// [`final_session`], and what it knows from its hits' details.
pub fn whole_session(value: &[u8]) -> FinalSession {
    let session = session(value);
    let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    let titles = session.pages.into_iter().map(|page| own(page.title)).collect();
    let visit = Visit {
        referrer: own(session.referrer),
        source: own(session.source),
        medium: own(session.medium),
        campaign: own(session.campaign),
        term: own(session.term),
        content: own(session.content),
        channel: session.channel.into_owned(),
        browser: own(session.browser),
        os: own(session.os),
        device: own(session.device),
        is_bot: session.is_bot,
        country: own(session.country),
        region: own(session.region),
        language: own(session.language),
        screen: own(session.screen),
    };
    FinalSession { known: Some(Known { visit, user_id: own(session.user_id), titles }), ..final_session(value) }
}

fn session(value: &[u8]) -> Session<'_> {
    serde_json::from_slice(value).expect("a session's own JSON is read back")
}

/// A value that must be JSON.
pub fn json(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(value)))
}

/// The text of a field; `None` where there is none.
pub fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The time of a field, in milliseconds.
pub fn time(value: &Value) -> i64 {
    value.as_str().expect("a time").parse::<Timestamp>().expect("a time").as_millis()
}
