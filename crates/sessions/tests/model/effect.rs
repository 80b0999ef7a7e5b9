//! What the model says: the outputs in exact order.

use super::Known;

/// Why a hit was late.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LateReason {
    /// The session that it belongs to is final.
    SessionClosed,
    /// Before the horizon, and no open session takes it.
    TooOld,
    /// The partition holds as much as it may.
    StateFull,
}

/// What ended a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ClosedBy {
    /// Nobody came for longer than the gap.
    Gap,
    /// Its length refused a hit or a merge first.
    MaxDuration,
    /// Its number of hits refused a hit or a merge first.
    MaxHits,
    /// The log ended.
    EndOfInput,
}

/// A session that will not change any more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are named as in the session's record; times are milliseconds")]
pub struct FinalSession {
    pub session_id: String,
    pub site: String,
    pub visitor: String,
    pub start: i64,
    pub end: i64,
    pub duration_ms: i64,
    pub hit_count: usize,
    pub pageview_count: usize,
    pub event_count: usize,
    pub is_bounce: bool,
    pub engaged_ms: u64,
    /// Time, offset and path of the earliest page views.
    pub pages: Vec<(i64, i64, String)>,
    pub pages_truncated: bool,
    pub entry_page: Option<String>,
    pub exit_page: Option<String>,
    /// `None` where nobody told what the hits say of their visitors.
    pub known: Option<Known>,
    pub closed_by: ClosedBy,
    pub is_split: bool,
    pub merged_ids: Vec<String>,
    pub first_offset: i64,
    pub last_offset: i64,
    /// The watermark that closed it.
    pub closed_at: i64,
}

/// One output.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are named as in the records; times are milliseconds")]
pub enum Effect {
    /// The hit at this offset counts; it names a session if it has an identity.
    Enriched { offset: i64, session_id: Option<String>, seq: Option<u32>, time: i64, clamped: bool },
    /// The hit at this offset came late.
    Late { offset: i64, reason: LateReason, missed: Option<String>, time: i64 },
    /// The hit at this offset is a copy.
    Duplicate { offset: i64 },
    /// A session is final, made so by the record at the offset that stands behind it.
    Session(FinalSession, i64),
}
