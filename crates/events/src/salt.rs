//! The key of a day: with it a visitor of that day is told from others where nothing is kept in browsers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

const DAY: Span = Span::from_hours(24);

/// A day in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day(i64);

impl Day {
    /// The day of a moment.
    pub const fn of(time: Timestamp) -> Self {
        Self(time.as_millis().div_euclid(DAY.as_millis()))
    }

    /// When it begins.
    pub const fn begin(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(DAY.as_millis()))
    }

    /// So many days later; earlier where it is negative.
    #[must_use]
    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.begin().date())
    }
}

/// The key of a day, as it stands in `salts`. Who has it can find out visitors by trying all addresses: it goes to nobody and
/// into no log, and when the day after is over, it is forgotten.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt {
    /// Whose key it is.
    pub day: Day,
    /// The key.
    pub bytes: [u8; 32],
}

/// A record in `salts` that holds no key. What it holds instead is not said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record holds no key of a day")]
pub struct BadSalt;

#[derive(Serialize, Deserialize)]
struct Wire {
    day: String,
    salt: String,
}

impl Salt {
    /// The record's value: `{"day":"2026-11-02","salt":"…"}`, the key in hexadecimal digits.
    pub fn to_json(&self) -> Vec<u8> {
        let salt = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serde_json::to_vec(&Wire { day: self.day.to_string(), salt }).expect("two texts are JSON")
    }

    /// Reads a record's value.
    ///
    /// # Errors
    ///
    /// Where it is no such record.
    pub fn parse(value: &[u8]) -> Result<Self, BadSalt> {
        let wire: Wire = serde_json::from_slice(value).map_err(|_| BadSalt)?;
        let day = Day::of(format!("{}T00:00:00Z", wire.day).parse().map_err(|_| BadSalt)?);
        let mut bytes = [0; 32];
        if wire.salt.len() != 2 * bytes.len() || !wire.salt.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BadSalt);
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&wire.salt[at..at + 2], 16).map_err(|_| BadSalt)?;
        }
        Ok(Self { day, bytes })
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Salt").field("day", &self.day).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-02T23:00:00Z.
    const EVENING: Timestamp = Timestamp::from_millis(1_793_577_600_000 + 23 * 3_600_000);

    #[test]
    fn a_key_comes_out_as_it_went_in_and_is_not_shown() {
        let salt = Salt { day: Day::of(EVENING), bytes: std::array::from_fn(|at| 7 * at as u8) };
        let json = String::from_utf8(salt.to_json()).unwrap();
        insta::assert_snapshot!(json, @r#"{"day":"2026-11-02","salt":"00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9"}"#);
        assert_eq!(Salt::parse(json.as_bytes()), Ok(salt.clone()));
        assert_eq!(format!("{salt:?}"), "Salt { day: Day(20759), .. }");
    }

    #[test]
    fn what_is_no_key_is_refused_without_a_word_of_it() {
        let short = r#"{"day":"2026-11-02","salt":"00"}"#;
        let odd = format!(r#"{{"day":"2026-11-02","salt":"{}"}}"#, "é".repeat(32));
        let undated = format!(r#"{{"day":"soon","salt":"{}"}}"#, "0".repeat(64));
        for text in ["", "7", short, &odd, &undated] {
            assert_eq!(Salt::parse(text.as_bytes()), Err(BadSalt), "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_utc_before_1970_too() {
        let day = Day::of(EVENING);
        assert_eq!((Day::of(day.begin()), Day::of(day.begin() - Span::from_millis(1))), (day, day.plus(-1)));
        assert_eq!(Day::of(Timestamp::from_millis(-1)).to_string(), "1969-12-31");
    }
}
