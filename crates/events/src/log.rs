//! Where a record stands: topics, offsets and the identity of a log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// The pipeline's topics. The name on the bus is a prefix (`clickstream.`) and [`Topic::name`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Topic {
    /// What the collector accepted, and control records.
    Hits,
    /// What was refused, with the reason.
    Rejected,
    /// Each hit once, with its session and what was derived.
    HitsEnriched,
    /// Final sessions.
    Sessions,
    /// The sessionizer's state; compacted.
    SessionsOpen,
    /// Hits that came after their session was final.
    Late,
    /// The keys of days, by which visitors without a cookie are told apart. They go after two days, and nobody is shown them.
    Salts,
}

impl Topic {
    /// Every topic, in the order in which they are created and listed.
    pub const ALL: [Self; 7] =
        [Self::Hits, Self::Rejected, Self::HitsEnriched, Self::Sessions, Self::SessionsOpen, Self::Late, Self::Salts];

    /// The name without the prefix, as `tail` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hits => "hits",
            Self::Rejected => "rejected",
            Self::HitsEnriched => "hits.enriched",
            Self::Sessions => "sessions",
            Self::SessionsOpen => "sessions.open",
            Self::Late => "late",
            Self::Salts => "salts",
        }
    }

    /// How long its records are kept, where that is not for an operator to say.
    pub const fn kept_for(self) -> Option<Span> {
        match self {
            Self::Salts => Some(Span::from_hours(48)),
            _ => None,
        }
    }

    /// Whether people may look at its records.
    pub const fn is_shown(self) -> bool {
        !matches!(self, Self::Salts)
    }

    /// Whether the log keeps only the newest record of each key.
    pub const fn is_compacted(self) -> bool {
        matches!(self, Self::SessionsOpen)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no topic of the pipeline that people may look at.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no topic: choose one of hits, rejected, hits.enriched, sessions, sessions.open, late")]
pub struct UnknownTopic(String);

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        let mut shown = Self::ALL.into_iter().filter(|topic| topic.is_shown());
        shown.find(|topic| topic.name() == text).ok_or_else(|| UnknownTopic(text.to_owned()))
    }
}

/// The place of one record in its partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub i64);

/// A position between records: the offset of the record that would be read next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NextOffset(pub i64);

impl Offset {
    /// The position right behind this record.
    pub const fn next(self) -> NextOffset {
        NextOffset(self.0 + 1)
    }
}

impl NextOffset {
    /// Where an untouched log starts.
    pub const START: Self = Self(0);
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for NextOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one log for good: a bus file, a set of Kafka topics, one replay's input.
///
/// 1 to 64 lower-case letters and digits, so that it can stand in a file's name between dashes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogId(String);

/// A text that cannot name a log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no log id: 1 to 64 lower-case letters and digits")]
pub struct BadLogId(String);

impl LogId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that 128 random or hashed bits make: 32 hexadecimal digits.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }
}

impl TryFrom<String> for LogId {
    type Error = BadLogId;

    fn try_from(text: String) -> Result<Self, BadLogId> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if fits { Ok(Self(text)) } else { Err(BadLogId(text)) }
    }
}

impl From<LogId> for String {
    fn from(id: LogId) -> Self {
        id.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_known_by_their_names_but_for_the_one_that_is_shown_to_nobody() {
        let known = Topic::ALL.map(|topic| topic.name().parse().ok());
        let shown = Topic::ALL.map(|topic| Some(topic).filter(|topic| *topic != Topic::Salts));
        assert_eq!(known, shown);
    }
}
