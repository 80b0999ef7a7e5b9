//! What the model reads: one partition's log.

/// The settings that windows follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Two hits at most this far apart are neighbours, in milliseconds.
    pub gap: i64,
    /// How far the watermark stays behind the stream time, in milliseconds.
    pub lateness: i64,
    /// The longest that a session may last, in milliseconds.
    pub max_session: i64,
    /// The most hits that a session may have.
    pub max_hits: usize,
    /// The most open sessions, stubs and remembered ids of a partition together.
    pub max_open_sessions: usize,
}

/// What a hit is, as far as a session counts it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A page view; without a path where the hit had no usable URL.
    PageView {
        /// The page's path.
        path: Option<String>,
    },
    /// A custom event.
    Custom,
    /// Time spent on a page.
    Engagement {
        /// How long, in milliseconds.
        engaged_ms: u64,
    },
    /// A server log's line that is no page.
    Request,
}

/// One record of the log. `append` is the bus's time and never falls from one record to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are named as in the records")]
pub enum Entry {
    /// A hit; without a visitor it has no identity.
    Hit { offset: i64, append: i64, event_time: i64, site: String, visitor: Option<String>, hit_id: String, kind: Kind },
    /// Time alone.
    Tick { offset: i64, append: i64, time: i64 },
    /// From here on these settings hold, for open sessions too.
    Settings {
        offset: i64,
        append: i64,
        gap: i64,
        lateness: i64,
        max_session: i64,
        max_hits: usize,
        max_open_sessions: usize,
    },
    /// A collector is emptying its spool.
    Draining { offset: i64, append: i64 },
    /// A bounded run is over.
    End { offset: i64, append: i64 },
}

impl Entry {
    /// Where the record stands.
    pub fn offset(&self) -> i64 {
        match self {
            Self::Hit { offset, .. }
            | Self::Tick { offset, .. }
            | Self::Settings { offset, .. }
            | Self::Draining { offset, .. }
            | Self::End { offset, .. } => *offset,
        }
    }
}
