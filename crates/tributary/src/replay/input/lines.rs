//! A stream of bytes cut into lines, in bounded memory.

use std::io::{self, Read};

use events::rejection::RAW_BYTES;
use memchr::memchr;
use xxhash_rust::xxh3::Xxh3;

/// The longest line that is read, in bytes. The largest hit that the limits allow stays below it.
pub const LONGEST_LINE: usize = 256 * 1024;

/// One line, without its line end (`\n` or `\r\n`).
#[derive(PartialEq, Eq, Debug)]
pub enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// A line over [`LONGEST_LINE`], which was passed over without being kept.
    TooLong {
        /// Its first [`RAW_BYTES`] bytes.
        beginning: Vec<u8>,
        /// Its length in bytes.
        length: u64,
        /// xxh3-64, seed 0, of all of it.
        hash: u64,
    },
}

/// Cuts a stream into lines.
pub struct Lines<R> {
    stream: R,
    buffer: Vec<u8>,
    /// The part of the buffer that holds bytes that were not handed out yet.
    start: usize,
    end: usize,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Lines of a stream. Takes twice [`LONGEST_LINE`] of memory, whatever comes.
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: vec![0; 2 * LONGEST_LINE], start: 0, end: 0, number: 0 }
    }

    /// The number of the line that was read last, from 1; 0 before the first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The stream. More of it may have been read than was handed out.
    pub fn stream(&self) -> &R {
        &self.stream
    }

    /// The next line; `None` at the end. A last line without a line end counts; an empty one at the end does not.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[searched..self.end]) {
                let line = self.start..searched + at;
                self.start = line.end + 1;
                self.number += 1;
                if line.len() > LONGEST_LINE + 1 {
                    return Ok(Some(too_long(&self.buffer[line])));
                }
                return Ok(Some(whole(&self.buffer[line])));
            }
            if self.end - self.start > LONGEST_LINE + 1 {
                self.number += 1;
                return self.pass_over().map(Some);
            }
            searched = self.end - self.start;
            if !self.fill()? {
                if self.start == self.end {
                    return Ok(None);
                }
                let line = self.start..self.end;
                self.start = self.end;
                self.number += 1;
                return Ok(Some(whole(&self.buffer[line])));
            }
        }
    }

    /// Moves what is there to the front and reads more behind it; `false` at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads to the end of a line that is too long, keeping its beginning.
    fn pass_over(&mut self) -> io::Result<Line<'static>> {
        let beginning = self.buffer[self.start..self.start + RAW_BYTES].to_vec();
        let mut hash = Xxh3::new();
        let mut length = 0;
        loop {
            let held = &self.buffer[self.start..self.end];
            let line_end = memchr(b'\n', held);
            let part = &held[..line_end.unwrap_or(held.len())];
            hash.update(part);
            length += part.len() as u64;
            self.start += part.len() + usize::from(line_end.is_some());
            if line_end.is_some() || !self.fill()? {
                return Ok(Line::TooLong { beginning, length, hash: hash.digest() });
            }
        }
    }
}

fn whole(line: &[u8]) -> Line<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LONGEST_LINE { too_long(line) } else { Line::Whole(line) }
}

fn too_long(line: &[u8]) -> Line<'static> {
    let hash = xxhash_rust::xxh3::xxh3_64(line);
    Line::TooLong { beginning: line[..RAW_BYTES].to_vec(), length: line.len() as u64, hash }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    /// Hands out a few bytes at a time, as a decompressor may.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.0.len().min(self.1).min(buffer.len()));
            buffer[..now.len()].copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    fn lines(text: &[u8], at_once: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(Dribble(text, at_once));
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let Line::Whole(line) = line else { panic!("too long") };
            all.push(line.to_vec());
        }
        assert_eq!(all.len() as u64, lines.number());
        all
    }

    #[test]
    fn every_line_end_there_is() {
        assert_eq!(lines(b"one\r\n\ntwo\nthree", 2), [&b"one"[..], b"", b"two", b"three"]);
        assert!(lines(b"", 1).is_empty());
        assert_eq!(lines(b"\n", 1), [b""]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        let long = vec![b'x'; 3 * LONGEST_LINE + 5];
        let text = [&b"before\n"[..], &long, b"\nafter\n"].concat();
        for at_once in [1000, usize::MAX] {
            let mut lines = Lines::new(Dribble(&text, at_once));
            assert_eq!(lines.next_line().unwrap(), Some(Line::Whole(b"before")));
            let expected = Line::TooLong {
                beginning: long[..RAW_BYTES].to_vec(),
                length: long.len() as u64,
                hash: xxh3_64(&long),
            };
            assert_eq!(lines.next_line().unwrap(), Some(expected));
            assert_eq!(lines.number(), 2);
            assert_eq!(lines.next_line().unwrap(), Some(Line::Whole(b"after")));
            assert_eq!(lines.next_line().unwrap(), None);
        }
    }

    #[test]
    fn the_bound_is_exact_however_the_bytes_come() {
        for (length, fits) in [(LONGEST_LINE, true), (LONGEST_LINE + 1, false)] {
            for line_end in ["", "\n", "\r\n"] {
                let text = [&vec![b'x'; length][..], line_end.as_bytes()].concat();
                for at_once in [4096, usize::MAX] {
                    let mut lines = Lines::new(Dribble(&text, at_once));
                    let line = lines.next_line().unwrap().unwrap();
                    assert_eq!(matches!(line, Line::Whole(_)), fits, "{length} {line_end:?} {at_once}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn cutting_does_not_depend_on_how_the_bytes_come(
            texts in prop::collection::vec("[ -~]{0,12}", 0..20),
            at_once in 1usize..40,
        ) {
            let joined: String = texts.iter().map(|text| format!("{text}\n")).collect();
            let expected: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
            prop_assert_eq!(lines(joined.as_bytes(), at_once), expected);
        }
    }
}
