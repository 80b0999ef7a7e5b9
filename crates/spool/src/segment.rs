//! A segment's file: its name, and how it begins.

use crate::record::Seq;

/// How every segment of this format begins; the last byte is the format's number.
pub(crate) const HEADER: [u8; 8] = *b"TRIBSPL1";

/// The part of the header that every format has.
const FAMILY: usize = 7;

const SUFFIX: &str = ".spool";

/// The name of the segment that begins with this record. Names sort as the records do.
pub(crate) fn name(first: Seq) -> String {
    format!("{first:020}{SUFFIX}", first = first.0)
}

/// The first record of the segment of this name; none where it is no segment's.
pub(crate) fn first(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok().map(Seq))?
}

/// Whether a file begins as one of another format does.
pub(crate) fn is_foreign(header: &[u8]) -> bool {
    header.len() == HEADER.len() && header[..FAMILY] == HEADER[..FAMILY] && header != HEADER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_the_first_record() {
        for seq in [Seq(0), Seq(42), Seq(u64::MAX)] {
            assert_eq!(first(&name(seq)), Some(seq));
        }
        for other in ["lock", "position", "1.spool", "+0000000000000000001.spool", "99999999999999999999.spool"] {
            assert_eq!(first(other), None, "{other}");
        }
    }

    #[test]
    fn another_format_is_told_from_damage() {
        assert!(is_foreign(b"TRIBSPL2"));
        assert!(!is_foreign(&HEADER) && !is_foreign(b"TRIBSP\0\0") && !is_foreign(b"TRIB"));
    }
}
