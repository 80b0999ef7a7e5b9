//! Points in time and spans of time, both in whole milliseconds.
//!
//! Nothing here reads a clock: a timestamp is data that somebody handed in.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

mod written;

/// A moment in UTC, in milliseconds since 1970-01-01T00:00:00Z.
///
/// On the wire it is RFC 3339 with milliseconds: `2026-11-21T09:30:00.000Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

/// A length of time in milliseconds, written with its unit: `30m`, `200s`, `5ms`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span(i64);

/// Why a text is no time or no span.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimeError {
    /// Not RFC 3339, or outside the years 0000 to 9999.
    #[error("`{0}` is no RFC 3339 time such as 2026-11-21T09:30:00.000Z")]
    Timestamp(String),
    /// Not a whole number with a unit.
    #[error("`{0}` is no duration: write a whole number and a unit, such as 5ms, 200s, 30m, 24h or 7d")]
    Span(String),
}

impl Timestamp {
    /// The earliest moment there is; every other one is later.
    pub const MIN: Self = Self(i64::MIN);

    /// A moment from milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A moment from milliseconds since the epoch that a stranger wrote; `None` where RFC 3339 has no text for it, so that
    /// whoever writes it would write another one.
    pub const fn writable(millis: i64) -> Option<Self> {
        if millis < FIRST_MILLI || millis > LAST_MILLI { None } else { Some(Self(millis)) }
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment a span earlier, or [`Timestamp::MIN`] where that does not exist.
    pub const fn saturating_sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The moment a span later, or the last one there is.
    pub const fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The calendar day in UTC as `2026-11-21`.
    pub fn date(self) -> String {
        String::from_utf8(self.to_text()[..10].to_vec()).expect("digits and dashes are UTF-8")
    }

    /// Appends the RFC 3339 text without building a string in between.
    #[inline]
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_text());
    }

    fn to_text(self) -> [u8; Self::TEXT_LEN] {
        let mut text = [0; Self::TEXT_LEN];
        self.write_over(&mut text);
        text
    }

    /// How long the RFC 3339 text is: always 24 bytes of ASCII.
    pub const TEXT_LEN: usize = 24;

    /// Writes the RFC 3339 text over what stands there.
    #[inline]
    pub fn write_over(self, text: &mut [u8; Self::TEXT_LEN]) {
        // From the first moment on, so that everything below is without a sign and divisions are cheap.
        written::write_over((self.0.clamp(FIRST_MILLI, LAST_MILLI) - FIRST_MILLI) as u64, text);
    }
}

/// 0000-01-01T00:00:00.000Z, the first moment that RFC 3339 can write.
const FIRST_MILLI: i64 = -62_167_219_200_000;
/// 9999-12-30T22:00:00.999Z, the last moment that every reader takes: in an offset's own hours later ones are of the year
/// 10000. What we write must be read back, or a record whose time is clamped to this could not be.
const LAST_MILLI: i64 = 253_402_207_200_999;

/// The highest bit of each byte.
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The day number since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Reads exactly `2026-11-21T09:30:00.000Z`, the form that we write; `None` for every other form,
/// valid or not, which then goes the slow way.
pub(crate) fn parse_own_form(text: &[u8]) -> Option<i64> {
    let text: &[u8; Timestamp::TEXT_LEN] = text.try_into().ok()?;
    let mut values = [[0; 8]; 3];
    let mut fits = true;
    for ((value, text), form) in
        values.iter_mut().zip(text.as_chunks().0).zip(b"0000-00-00T00:00:00.000Z".as_chunks().0)
    {
        // Digits become their values and what separates them nothing, in eight bytes at once.
        let word = u64::from_le_bytes(*text) ^ u64::from_le_bytes(*form);
        let most = u64::from_le_bytes(form.map(|byte| if byte == b'0' { 9 } else { 0 }));
        fits &= (most | HIGHS).wrapping_sub(word) & !word & HIGHS == HIGHS;
        *value = word.to_le_bytes();
    }
    if !fits {
        return None;
    }
    let two = |word: usize, at: usize| i64::from(values[word][at]) * 10 + i64::from(values[word][at + 1]);
    let (year, month) = (two(0, 0) * 100 + two(0, 2), two(0, 5));
    let (day, hour, minute) = (two(1, 0), two(1, 3), two(1, 6));
    let (second, milli) = (two(2, 1), two(2, 4) * 10 + i64::from(values[2][6]));
    // Days past 28, leap seconds and the like are rare: the library decides them.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_from_civil(year, month, day) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli)
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Some(millis) = parse_own_form(text.as_bytes()) {
            return Ok(Self(millis));
        }
        let moment: jiff::Timestamp =
            text.parse().map_err(|_| TimeError::Timestamp(text.chars().take(64).collect()))?;
        let millis = moment.as_millisecond();
        Self::writable(millis).ok_or_else(|| TimeError::Timestamp(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_text()).expect("digits and punctuation are UTF-8"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.to_text()).expect("digits and punctuation are UTF-8"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        self.saturating_add(span)
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        self.saturating_sub(span)
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, other: Self) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A span of seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1000)
    }

    /// A span of minutes.
    pub const fn from_mins(mins: i64) -> Self {
        Self(mins * 60_000)
    }

    /// A span of hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self(hours * 3_600_000)
    }

    /// Its milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The standard library's duration; a negative span is none.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.max(0) as u64)
    }
}

/// Units with their milliseconds, the longest first: the order in which a span is written.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl FromStr for Span {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError::Span(text.chars().take(64).collect());
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.split_at(unit_at);
        let number: i64 = number.parse().map_err(|_| error())?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        number.checked_mul(*millis).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, millis) = match self.0 {
            0 => ("s", 1000),
            value => *UNITS.iter().find(|(_, millis)| value % millis == 0).expect("1 ms divides every span"),
        };
        write!(f, "{}{unit}", self.0 / millis)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
