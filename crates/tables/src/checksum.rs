//! A file's checksum: over all of its bytes, with zeros in the place where it stands itself, in the file's metadata.
//!
//! The parquet crate reads page checksums and writes none. One over the file finds more (indexes, bloom filters, the
//! footer), and stands in the file rather than in the batch's record, since the record cannot know it: a batch that another
//! build makes again has the same rows and other bytes.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Its name in the metadata.
pub(crate) const NAME: &str = "tributary.checksum";

/// Its value until the file is made.
pub(crate) const NOT_YET: &str = "00000000000000000000000000000000";

/// What stands between the name and the digits: the value's field, and its length.
const BETWEEN: [u8; 2] = [0x18, NOT_YET.len() as u8];

/// Where the digits stand in a file's last bytes. Column values may hold the name too, but stand before the metadata.
pub(crate) fn place(tail: &[u8]) -> Option<usize> {
    let mark = [NAME.as_bytes(), &BETWEEN].concat();
    let at = tail.windows(mark.len()).rposition(|window| window == mark)?;
    Some(at + mark.len()).filter(|digits| digits + NOT_YET.len() <= tail.len())
}

/// Writes the checksum into a file that has zeros in its place.
pub(crate) fn seal(file: &mut [u8]) {
    let at = place(file).expect("the writer has put the metadata as it was given");
    let digits = format!("{:032x}", xxh3_128(file));
    file[at..at + digits.len()].copy_from_slice(digits.as_bytes());
}

/// A file's bytes as they come, from the first to the last, held against the checksum that it names.
pub(crate) struct Check {
    said: String,
    /// Where the digits stand in the file.
    place: u64,
    read_to: u64,
    hash: Xxh3,
}

impl Check {
    pub(crate) fn new(said: String, place: u64) -> Self {
        Self { said, place, read_to: 0, hash: Xxh3::new() }
    }

    /// Through which position it has the bytes.
    pub(crate) fn read_to(&self) -> u64 {
        self.read_to
    }

    /// Takes the bytes from a position on. What it has already may be among them; nothing may be left out.
    pub(crate) fn take(&mut self, from: u64, bytes: &[u8]) {
        debug_assert!(from <= self.read_to, "bytes were left out");
        let known = usize::try_from(self.read_to - from).unwrap_or(usize::MAX).min(bytes.len());
        let new = &bytes[known..];
        let (start, end) = (self.read_to, self.read_to + new.len() as u64);
        let digits = self.place..self.place + NOT_YET.len() as u64;
        let within = |at: u64| (at.clamp(start, end) - start) as usize;
        let (before, behind) = (within(digits.start), within(digits.end));
        self.hash.update(&new[..before]);
        self.hash.update(&NOT_YET.as_bytes()[..behind - before]);
        self.hash.update(&new[behind..]);
        self.read_to = end;
    }

    /// Whether the file is as it was made.
    pub(crate) fn holds(&self) -> bool {
        format!("{:032x}", self.hash.digest128()) == self.said
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Check({} of a file that says {})", self.read_to, self.said)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealed(before: &str, behind: &str) -> Vec<u8> {
        let between = str::from_utf8(&BETWEEN).unwrap();
        let mut file = format!("{before}{NAME}{between}{NOT_YET}{behind}").into_bytes();
        seal(&mut file);
        file
    }

    proptest! {
        #[test]
        fn a_file_in_any_pieces_holds_and_with_any_bit_flipped_does_not(
            before in "[a-z]{0,40}",
            behind in "[a-z]{0,40}",
            pieces in prop::collection::vec(1usize..20, 1..10),
            flipped in prop::option::of((any::<prop::sample::Index>(), 0u8..8)),
        ) {
            let mut file = sealed(&before, &behind);
            let at = place(&file).unwrap();
            let said = String::from_utf8(file[at..at + NOT_YET.len()].to_vec()).unwrap();
            let flipped = flipped.map(|(index, bit)| (index.index(file.len()), bit));
            let is_in_digits = |(byte, _): &(usize, u8)| (at..at + NOT_YET.len()).contains(byte);
            if let Some((byte, bit)) = flipped {
                file[byte] ^= 1 << bit;
            }
            let mut check = Check::new(said, at as u64);
            let mut from = 0;
            for length in pieces.iter().cycle() {
                let end = (from + length).min(file.len());
                // Each piece comes with a little of the one before.
                let again = from.saturating_sub(3);
                check.take(again as u64, &file[again..end]);
                from = end;
                if end == file.len() {
                    break;
                }
            }
            // What is wrong with the digits themselves is seen when they are read as metadata.
            prop_assert_eq!(check.holds(), flipped.is_none_or(|flipped| is_in_digits(&flipped)));
        }
    }
}
