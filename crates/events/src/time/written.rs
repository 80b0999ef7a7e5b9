//! The text of a moment. Sessions of one partition are within an hour of each other, so their minutes' texts are kept, and
//! only seconds are computed.

use std::cell::Cell;

use super::Timestamp;
use crate::decimal::digits;

/// How many minutes' texts are kept, each in the place that its number modulo this gives it: more than open sessions
/// span under the default settings.
const KEPT: usize = 64;

/// A minute's text, `2026-11-21T09:30`.
#[derive(Clone, Copy)]
struct Minute {
    /// Counted from 0000-01-01.
    number: u64,
    text: [u8; 16],
}

thread_local! {
    // Minute 0 stands in its own place rightly, and nobody asks for it in another.
    static MINUTES: [Cell<Minute>; KEPT] =
        const { [const { Cell::new(Minute { number: 0, text: *b"0000-01-01T00:00" }) }; KEPT] };
}

/// Writes the RFC 3339 text of so many milliseconds since 0000-01-01.
#[inline]
pub(super) fn write_over(millis: u64, text: &mut [u8; Timestamp::TEXT_LEN]) {
    let number = millis / 60_000;
    let minute = MINUTES.with(|minutes| {
        let kept = &minutes[number as usize % KEPT];
        if kept.get().number != number {
            kept.set(minute(number));
        }
        kept.get().text
    });
    text[..16].copy_from_slice(&minute);
    text[16..].copy_from_slice(&seconds((millis - number * 60_000) as u32));
}

/// `:59.999Z` of milliseconds within a minute. Divisions by ten and a hundred are multiplications that are exact for
/// numbers this small.
#[inline]
fn seconds(millis: u32) -> [u8; 8] {
    let (second, milli) = (u64::from(millis / 1000), u64::from(millis % 1000));
    let tens = (second * 103) >> 10;
    let hundreds = (milli * 41) >> 12;
    let below = milli - hundreds * 100;
    let below_tens = (below * 103) >> 10;
    let digits =
        tens << 8 | (second - tens * 10) << 16 | hundreds << 32 | below_tens << 40 | (below - below_tens * 10) << 48;
    (u64::from_le_bytes(*b":00.000Z") + digits).to_le_bytes()
}

#[cold]
fn minute(number: u64) -> Minute {
    let day = (number / 1440) as u32;
    let in_day = (number - u64::from(day) * 1440) as u32;
    let (year, month, day_of_month) = civil_from_days(day);
    let date = digits([year / 100, year % 100, month, day_of_month]);
    let time = digits([in_day / 60, in_day % 60, 0, 0]);
    let mut text = *b"0000-00-00T00:00";
    text[0..4].copy_from_slice(&date[0..4]);
    text[5..7].copy_from_slice(&date[4..6]);
    text[8..10].copy_from_slice(&date[6..8]);
    text[11..13].copy_from_slice(&time[0..2]);
    text[14..16].copy_from_slice(&time[2..4]);
    Minute { number, text }
}

/// Year, month and day of a day number since 0000-01-01. Cassio Neri and Lorenz Schneider, "Euclidean affine functions
/// and their application to calendar algorithms" (2022), figure 12: a third of the divisions that the textbooks' way takes.
#[inline]
fn civil_from_days(days: u32) -> (u32, u32, u32) {
    // Their years begin in March, and their first day is 0000-03-01, 60 days later; a cycle of 400 years more keeps the
    // first two months above zero.
    let quarters = 4 * (days + 146_097 - 60) + 3;
    let (century, in_century) = (quarters / 146_097, quarters % 146_097 / 4);
    let product = 2_939_745 * u64::from(4 * in_century + 3);
    let (in_cycle, day_of_year) = ((product >> 32) as u32, product as u32 / 2_939_745 / 4);
    let year = 100 * century + in_cycle;
    let product = 2141 * day_of_year + 197_913;
    let (month, day) = (product >> 16, (product & 0xffff) / 2141 + 1);
    let is_next_year = day_of_year >= 306;
    let month = if is_next_year { month - 12 } else { month };
    (year + u32::from(is_next_year) - 400, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_of_a_minute_has_its_digits() {
        for millis in 0..60_000 {
            let text = format!(":{:02}.{:03}Z", millis / 1000, millis % 1000);
            assert_eq!(seconds(millis), text.as_bytes(), "{text}");
        }
    }
}
