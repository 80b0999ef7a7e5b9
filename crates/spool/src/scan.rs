//! Finds frames in a segment, whatever the file holds: what is no frame is skipped up to the next one, and counted.

use std::io;

use crate::disk::DiskFile;
use crate::frame::{Decoded, Frame, MARK};
use crate::segment::HEADER;

/// How much is read at a time.
const CHUNK: usize = 256 << 10;

/// Reads a segment from its beginning.
#[derive(Debug)]
pub(crate) struct Scan<F> {
    file: F,
    salt: u64,
    /// How much of the file may be read.
    end: u64,
    /// Where the window begins in the file.
    window_at: u64,
    window: Vec<u8>,
    /// How much of the window is done with.
    used: usize,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Step {
    /// A frame, and the offset behind it.
    Frame(Frame, u64),
    /// So many bytes from this offset on are no frames. What follows is one, or the end.
    Damage { at: u64, bytes: u64 },
    /// All was read.
    End,
}

impl<F: DiskFile> Scan<F> {
    /// A scan of the file's first `end` bytes.
    pub(crate) fn new(file: F, salt: u64, end: u64) -> io::Result<Self> {
        let mut scan = Self { file, salt, end, window_at: 0, window: Vec::new(), used: 0 };
        scan.need(HEADER.len())?;
        // Where the header is damaged, it is skipped like anything else that is no frame.
        if scan.window.starts_with(&HEADER) {
            scan.used = HEADER.len();
        }
        Ok(scan)
    }

    /// The file has grown.
    pub(crate) fn extend(&mut self, end: u64) {
        self.end = self.end.max(end);
    }

    /// The next frame, or what stands in its place.
    pub(crate) fn next(&mut self) -> io::Result<Step> {
        loop {
            match Frame::decode(&self.window[self.used..], self.salt) {
                Decoded::Frame(frame, size) => {
                    self.used += size;
                    return Ok(Step::Frame(frame, self.offset()));
                }
                Decoded::Needs(bytes) if self.need(bytes)? => {}
                Decoded::Needs(_) if self.used == self.window.len() => return Ok(Step::End),
                Decoded::Needs(_) | Decoded::Bad => return self.skip(),
            }
        }
    }

    /// Goes to the next frame, or to the end.
    fn skip(&mut self) -> io::Result<Step> {
        let at = self.offset();
        self.used += 1;
        loop {
            match memchr::memmem::find(&self.window[self.used..], &MARK) {
                Some(distance) => {
                    self.used += distance;
                    match Frame::decode(&self.window[self.used..], self.salt) {
                        Decoded::Frame(..) => break,
                        Decoded::Needs(bytes) if self.need(bytes)? => {}
                        Decoded::Needs(_) | Decoded::Bad => self.used += 1,
                    }
                }
                None => {
                    // A mark may begin in the last bytes.
                    self.used = self.used.max(self.window.len().saturating_sub(MARK.len() - 1));
                    if !self.need(self.window.len() - self.used + 1)? {
                        self.used = self.window.len();
                        break;
                    }
                }
            }
        }
        Ok(Step::Damage { at, bytes: self.offset() - at })
    }

    /// Where in the file it has come to.
    fn offset(&self) -> u64 {
        self.window_at + self.used as u64
    }

    /// Reads on until so many bytes are there that are not done with; whether they are.
    fn need(&mut self, bytes: usize) -> io::Result<bool> {
        while self.window.len() - self.used < bytes {
            let read_to = self.window_at + self.window.len() as u64;
            let more = usize::try_from(self.end.saturating_sub(read_to)).unwrap_or(usize::MAX);
            if more == 0 {
                return Ok(false);
            }
            self.window.drain(..self.used);
            self.window_at += self.used as u64;
            self.used = 0;
            let had = self.window.len();
            let wanted = more.min(CHUNK.max(bytes - had));
            self.window.resize(had + wanted, 0);
            let read = self.file.read_at(read_to, &mut self.window[had..]);
            self.window.truncate(had + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                // The file is shorter than it was believed to be.
                self.end = read_to;
            }
        }
        Ok(true)
    }
}
