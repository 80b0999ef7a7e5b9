//! JSON texts that are borrowed from the input where they hold no escape.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, de};

/// A text out of JSON: a slice of the input, or a copy where an escape had to be undone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Appends a text as a JSON string, quotes included.
#[inline]
pub fn write_json_str(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("writing a string to memory does not fail");
    }
}

/// Whether a text stands in JSON as it is: no quote, no backslash, no control character.
#[inline]
pub fn is_plain(text: &[u8]) -> bool {
    plain_len(text) == text.len()
}

/// How many bytes come before the first that is a quote, a backslash or a control character. Nearly every text
/// of the pipeline passes here once or twice.
pub(crate) fn plain_len(text: &[u8]) -> usize {
    position(text, specials).unwrap_or(text.len())
}

/// Where the first byte stands that is one of these.
#[inline]
pub fn find_any<const N: usize>(text: &[u8], bytes: [u8; N]) -> Option<usize> {
    position(text, |word| bytes.iter().fold(0, |found, &byte| found | equals(word, byte)) & HIGHS)
}

/// Where the first byte stands that a test finds in a word of eight: the test sets that byte's highest bit, and none
/// before it; bits behind it say nothing. Eight bytes at a time take fewer instructions than each by itself.
#[inline]
fn position(text: &[u8], test: impl Fn(u64) -> u64) -> Option<usize> {
    let mut at = 0;
    while let Some(chunk) = text[at..].first_chunk::<8>() {
        let found = test(u64::from_le_bytes(*chunk));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    // The last eight bytes once more: those before `at` are known to be none.
    if at < text.len()
        && let Some(chunk) = text.last_chunk::<8>()
    {
        let found = test(u64::from_le_bytes(*chunk));
        return (found != 0).then(|| text.len() - 8 + found.trailing_zeros() as usize / 8);
    }
    let found = text[at..].iter().position(|&byte| test(byte.into()) & 0x80 != 0);
    found.map(|found| at + found)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// For [`position`], but that other bits than the highest of each byte are not cleared.
/// (Sean Eron Anderson, "Bit Twiddling Hacks": "Determine if a word has a zero byte".)
fn equals(word: u64, byte: u8) -> u64 {
    let differs = word ^ (ONES * u64::from(byte));
    differs.wrapping_sub(ONES) & !differs
}

/// For [`position`]: quotes, backslashes and control characters.
fn specials(word: u64) -> u64 {
    // Quote and space change places: then a quote is below 0x21, as control characters are.
    let swapped = word ^ (ONES * 2);
    let low = swapped.wrapping_sub(ONES * 0x21) & !swapped;
    (low | equals(word, b'\\')) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_is_written_as_serde_writes_it(text in "[ -~\n\u{7f}é\u{10ffff}\\\\\"]{0,40}") {
            let mut out = Vec::new();
            write_json_str(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn the_first_special_byte_is_found(text in prop::collection::vec(prop_oneof![9 => any::<u8>(), 1 => Just(b'"')], 0..40)) {
            let slow = text.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
            prop_assert_eq!(plain_len(&text), slow.unwrap_or(text.len()));
        }

        #[test]
        fn the_first_of_some_bytes_is_found(text in "[a?#/é]{0,40}") {
            prop_assert_eq!(find_any(text.as_bytes(), [b'?', b'#']), text.find(['?', '#']));
        }
    }
}
