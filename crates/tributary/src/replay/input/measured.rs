//! A stream that is measured while it is read: how long it is, how many lines it has, and what names its content.

use std::io::{self, Read};

use memchr::memchr_iter;
use xxhash_rust::xxh3::Xxh3;

use super::survey::Surveyed;

/// Measures what is read through it, and says each time how many bytes that were.
pub(super) struct Measured<R, P> {
    stream: R,
    progress: P,
    hash: Xxh3,
    bytes: u64,
    line_ends: u64,
}

impl<R: Read, P: FnMut(u64)> Measured<R, P> {
    pub(super) fn new(stream: R, progress: P) -> Self {
        Self { stream, progress, hash: Xxh3::new(), bytes: 0, line_ends: 0 }
    }

    /// xxh3-128, seed 0, of what was read so far.
    pub(super) fn hash(&self) -> u128 {
        self.hash.digest128()
    }

    /// How many bytes were read so far.
    pub(super) fn length(&self) -> u64 {
        self.bytes
    }

    /// How many lines were read whole so far.
    pub(super) fn line_ends(&self) -> u64 {
        self.line_ends
    }

    /// Whether what was read is what a file held when it was surveyed.
    pub(super) fn is(&self, file: &Surveyed) -> bool {
        (self.bytes, self.hash()) == (file.bytes, file.hash)
    }
}

impl<R: Read, P: FnMut(u64)> Read for Measured<R, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.line_ends += memchr_iter(b'\n', &buffer[..read]).count() as u64;
        self.bytes += read as u64;
        (self.progress)(read as u64);
        Ok(read)
    }
}
