//! The formats that a line may have.

use std::str::FromStr;

use bytes::Bytes;
use events::{Invalid, Limits, Reason, Timestamp};

use super::{access_log, json_hit, server_hit};

/// What the lines are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Apache's and nginx's combined log.
    Combined,
    /// The common log: no referrer, no user agent.
    Common,
    /// One JSON hit a line, as `POST /collect` takes it.
    Hits,
}

impl Format {
    /// The name that `--format` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::Common => "common",
            Self::Hits => "hits",
        }
    }
}

/// A name that is no format.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no format: choose combined, common, hits or lake")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let all = [Self::Combined, Self::Common, Self::Hits];
        all.into_iter().find(|format| format.name() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// A line that could be read.
#[derive(PartialEq, Eq, Debug)]
pub struct ReadHit {
    /// The line's time.
    pub time: Timestamp,
    /// The record's key.
    pub key: Bytes,
    /// The hit's JSON.
    pub value: Bytes,
}

/// The site of a server log's hits where `--site` names none.
pub const DEFAULT_SITE: &str = "site";

/// Reads lines of one format.
#[derive(Clone, Debug)]
pub struct LineReader {
    /// What the lines are.
    pub format: Format,
    /// The site that `--site` names. It holds for a server log's lines, and for hits that name none.
    pub site: Option<String>,
    /// What a hit may hold.
    pub limits: Limits,
}

impl LineReader {
    /// The site of lines that name none. Hits must name one, unless `--site` does.
    pub fn site(&self) -> Option<&str> {
        let of_a_log = (self.format != Format::Hits).then_some(DEFAULT_SITE);
        self.site.as_deref().or(of_a_log)
    }

    /// Reads a line that stands at a place: in which file, counted from 0, and there in which line, from 1.
    pub fn read(&self, line: &[u8], file: u32, number: u64) -> Result<ReadHit, Invalid> {
        let line_id = server_hit::line_id(file, number, line);
        let combined = match self.format {
            Format::Hits => return json_hit::read(line, line_id, self.site(), &self.limits),
            Format::Combined => true,
            Format::Common => false,
        };
        let fields = access_log::parse(line, combined).map_err(|what| {
            let detail = format!("this is no line of the format `{}`: {what}", self.format.name());
            Invalid::new(Reason::UnreadableLine, "", detail)
        })?;
        server_hit::read(&fields, line_id, self.site().unwrap_or(DEFAULT_SITE), &self.limits)
    }
}
