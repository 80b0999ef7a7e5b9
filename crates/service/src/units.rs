//! Sizes with their unit, as settings carry them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes, written with its unit: `128MiB`, `64KiB`, `1GB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ByteSize(u64);

/// A text that is no size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no size: write a whole number and a unit, such as 512B, 64KiB, 128MiB or 1GiB")]
pub struct BadByteSize(String);

/// Units with their bytes; the binary ones come first, the largest of them foremost: the order of writing.
const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

impl ByteSize {
    /// A size in bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Its bytes as a length in memory; the largest there is where it does not fit.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = BadByteSize;

    fn from_str(text: &str) -> Result<Self, BadByteSize> {
        let error = || BadByteSize(text.chars().take(64).collect());
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().map_err(|_| error())?;
        let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        number.checked_mul(*bytes).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |bytes: u64| self.0 != 0 && self.0.is_multiple_of(bytes);
        let (unit, bytes) = UNITS.into_iter().take(4).find(|(_, bytes)| divides(*bytes)).unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_carries_its_unit() {
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("128MiB", 134_217_728), ("2GB", 2_000_000_000)] {
            assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes);
        }
        for text in ["128", "MiB", "1.5MiB", "-1B", "1 MiB", "1mib", "99999999999999999999B", "99999999TiB", ""] {
            assert!(text.parse::<ByteSize>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn a_size_is_written_in_its_largest_whole_unit() {
        for text in ["0B", "513B", "64KiB", "128MiB", "3GiB", "1TiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
    }
}
