//! How texts, ids and pages stand in the state's JSON.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use events::{Offset, Timestamp};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is borrowed from the record where it holds no escape. Of a `Cow` behind an `Option` serde makes a copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Str<'a>(pub(crate) Cow<'a, str>);

/// Digits of a fingerprint: JSON's numbers do not hold 64 bits everywhere.
pub(crate) const DIGITS: usize = 16;

/// A fingerprint as sixteen hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fingerprint(pub(crate) u64);

/// Fingerprints, one behind the other in one text; in format 1 a list of texts.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Fingerprints(pub(crate) Vec<u64>);

/// One page as a list: milliseconds since 1970, offset, path, title if it has one. In format 1 an object.
#[derive(Deserialize, Debug)]
pub(crate) struct PageState<'a> {
    #[serde(deserialize_with = "millis_or_text")]
    pub(crate) time: Timestamp,
    pub(crate) offset: Offset,
    #[serde(borrow)]
    pub(crate) path: Str<'a>,
    #[serde(borrow, default)]
    pub(crate) title: Option<Str<'a>>,
}

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl Serialize for Str<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        events::Text::deserialize(deserializer).map(|text| Self(text.0))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Str::deserialize(deserializer)?;
        fingerprint(text.as_bytes()).map(Self).ok_or_else(|| de::Error::custom(NO_FINGERPRINT))
    }
}

const NO_FINGERPRINT: &str = "a fingerprint has sixteen hexadecimal digits";

/// The number of sixteen digits.
pub(crate) fn fingerprint(digits: &[u8]) -> Option<u64> {
    if digits.len() != DIGITS {
        return None;
    }
    // A digit that is none is 255, and seen once at the end.
    let (number, all) = digits.iter().fold((0u64, 0u8), |(number, all), &digit| {
        let value = VALUES[usize::from(digit)];
        (number << 4 | u64::from(value & 15), all | value)
    });
    (all < 16).then_some(number)
}

/// What each byte is worth as a hexadecimal digit.
static VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        values[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Appends sixteen digits.
pub(crate) fn write_fingerprint(out: &mut Vec<u8>, fingerprint: u64) {
    let digit = |at: usize| b"0123456789abcdef"[(fingerprint >> (60 - 4 * at)) as usize & 15];
    out.extend_from_slice(&std::array::from_fn::<u8, DIGITS, _>(digit));
}

impl Serialize for Fingerprints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Vec::with_capacity(self.0.len() * DIGITS);
        self.0.iter().for_each(|&id| write_fingerprint(&mut text, id));
        serializer.serialize_str(std::str::from_utf8(&text).expect("digits are UTF-8"))
    }
}

impl<'de> Deserialize<'de> for Fingerprints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Both;
        impl<'de> Visitor<'de> for Both {
            type Value = Fingerprints;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fingerprints in one text, or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Fingerprints, E> {
                let ids: Option<_> = text.as_bytes().chunks(DIGITS).map(fingerprint).collect();
                ids.map(Fingerprints).ok_or_else(|| E::custom(NO_FINGERPRINT))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Fingerprints, A::Error> {
                let mut ids = Vec::new();
                while let Some(Fingerprint(id)) = list.next_element()? {
                    ids.push(id);
                }
                Ok(Fingerprints(ids))
            }
        }
        deserializer.deserialize_any(Both)
    }
}

impl Serialize for PageState<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { time, offset, path, title } = self;
        match title {
            Some(title) => (time.as_millis(), offset, path, title).serialize(serializer),
            None => (time.as_millis(), offset, path).serialize(serializer),
        }
    }
}

fn millis_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    struct Both;
    impl Visitor<'_> for Both {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("milliseconds since 1970, or an RFC 3339 time")
        }

        fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Timestamp, E> {
            Ok(Timestamp::from_millis(millis))
        }

        fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Timestamp, E> {
            i64::try_from(millis).map(Timestamp::from_millis).map_err(E::custom)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
            Timestamp::deserialize(de::value::StrDeserializer::new(text))
        }
    }
    deserializer.deserialize_any(Both)
}
