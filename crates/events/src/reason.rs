//! Every way in which a hit, a request or a record can be wrong, each with a name that scripts may rely on.

use std::fmt;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why something was rejected. The names are public and never change their meaning.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable snake_case name, as it stands in answers, records and metrics.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

reasons! {
    /// The bytes are not UTF-8.
    InvalidUtf8 = "invalid_utf8",
    /// The body is not what its `Content-Encoding` says, or breaks off.
    InvalidEncoding = "invalid_encoding",
    /// The text is no JSON.
    InvalidJson = "invalid_json",
    /// JSON nested deeper than the limit.
    TooDeep = "too_deep",
    /// A JSON object that has the same key twice.
    DuplicateKey = "duplicate_key",
    /// JSON of another kind than the place asks for: a number where a text belongs, say.
    WrongType = "wrong_type",
    /// The body or the record is larger than the limit.
    TooLarge = "too_large",
    /// A request with more hits than the limit.
    TooManyHits = "too_many_hits",
    /// A request without any hit.
    NoHits = "no_hits",
    /// A field that a hit does not have.
    UnknownField = "unknown_field",
    /// A field whose name the pipeline appends itself.
    ReservedField = "reserved_field",
    /// A field that must be there is not.
    MissingField = "missing_field",
    /// A text that is longer than its field allows.
    TooLong = "too_long",
    /// `schema` names one that this build does not know, or an event names a version of its schema that the site does not have.
    UnknownSchema = "unknown_schema",
    /// An event that does not fit the schema that its site has for it.
    SchemaMismatch = "schema_mismatch",
    /// `hit_id` is no UUID.
    InvalidHitId = "invalid_hit_id",
    /// `site` is not 1 to 128 visible ASCII characters without `/`.
    InvalidSite = "invalid_site",
    /// `visitor_id` is not 1 to 128 visible ASCII characters without `/`, or starts with `~`.
    InvalidVisitor = "invalid_visitor",
    /// `type` is no name for a hit.
    InvalidType = "invalid_type",
    /// A time that is neither RFC 3339 nor whole milliseconds, or outside the years 0000 to 9999.
    InvalidTime = "invalid_time",
    /// A time outside the clock range.
    TimeOutOfRange = "time_out_of_range",
    /// A URL without scheme or host, or with control characters.
    InvalidUrl = "invalid_url",
    /// `ip` is no address.
    InvalidIp = "invalid_ip",
    /// A field that only a backend with the site's secret key may set.
    NeedsKey = "needs_key",
    /// The request's secret key is not the site's.
    WrongKey = "wrong_key",
    /// `props` with too many entries, or too deep, or too large.
    PropsTooLarge = "props_too_large",
    /// A site that is none of ours.
    UnknownSite = "unknown_site",
    /// A page that may not send for the site.
    OriginNotAllowed = "origin_not_allowed",
    /// The site's write key is not there, or another.
    WrongWriteKey = "wrong_write_key",
    /// A host or an address that the site does not count.
    Excluded = "excluded",
    /// Somebody who asks not to be tracked, on a site that does not count such people.
    DoNotTrack = "do_not_track",
    /// A bot, on a site that does not count them.
    Bot = "bot",
    /// A page that was fetched before anybody asked for it, on a site that does not count such.
    Prefetch = "prefetch",
    /// More hits than the site may send.
    OverQuota = "over_quota",
    /// A visitor that sends more than a person can.
    HotKey = "hot_key",
    /// A line of a file that does not have the format's form.
    UnreadableLine = "unreadable_line",
    /// A record in the log that is empty.
    EmptyRecord = "empty_record",
    /// Records that retention took away before they were read.
    Expired = "expired",
}

impl Reason {
    /// Whether nothing is wrong with the hit: its site does not want such, and the sender need not know better.
    pub const fn is_unwanted(self) -> bool {
        matches!(self, Self::Excluded | Self::DoNotTrack | Self::Bot | Self::Prefetch)
    }

    /// Whether there is merely too much of it, and it may come again later.
    pub const fn is_pressure(self) -> bool {
        matches!(self, Self::OverQuota | Self::HotKey)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was wrong, where, and in words that a person can act on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Invalid {
    /// The stable name of what was wrong.
    pub reason: Reason,
    /// JSON pointer to the place within the hit, such as `/props/price`; empty for the whole hit.
    pub pointer: String,
    /// One sentence.
    pub detail: String,
}

impl Invalid {
    /// A finding at a place.
    pub fn new(reason: Reason, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { reason, pointer: pointer.into(), detail: detail.into() }
    }
}

#[cfg(test)]
mod tests;
