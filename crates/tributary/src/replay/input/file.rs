//! The lines of one file as records, in their order.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use events::{Invalid, Reason, Rejection, Timestamp};

use super::format::LineReader;
use super::lines::{LONGEST_LINE, Line, Lines};
use super::survey::Surveyed;
use super::{InputError, Item, LineRecord, source};

/// One file of the input. It is opened when its first item is asked for.
pub struct FileItems {
    file: Surveyed,
    /// Its place among the files named, from 0.
    place: u32,
    reader: LineReader,
    lines: Option<Lines<Box<dyn Read + Send>>>,
    /// The time of the last line that could be read; before the first, that of the first.
    time: Timestamp,
    bytes_read: Arc<AtomicU64>,
}

impl FileItems {
    /// The items of a file that was surveyed. `place` tells it from the others, in the ids of its hits. What has been
    /// read of its decompressed content is added to `bytes_read`.
    pub fn new(file: Surveyed, place: u32, reader: LineReader, bytes_read: Arc<AtomicU64>) -> Self {
        let time = file.first;
        Self { file, place, reader, lines: None, time, bytes_read }
    }

    fn read_item(&mut self) -> Result<Option<Item>, InputError> {
        let lines = match &mut self.lines {
            Some(lines) => lines,
            none => {
                let stream = source::open(&self.file.path)
                    .map_err(|error| InputError::Open { path: self.file.path.clone(), error })?;
                // A log that grows meanwhile is read as far as it was surveyed: its id names that much.
                let counted = Counting { stream: stream.take(self.file.bytes), bytes_read: self.bytes_read.clone() };
                none.insert(Lines::new(Box::new(counted)))
            }
        };
        loop {
            let before = lines.number();
            let line = lines.next_line().map_err(|error| InputError::Read {
                path: self.file.path.clone(),
                line: before,
                error,
            })?;
            let number = before + 1;
            let origin = || format!("{}:{number}", self.file.name);
            let record = match line {
                None => return Ok(None),
                Some(Line::Whole(line)) if line.trim_ascii().is_empty() => continue,
                Some(Line::Whole(line)) => match self.reader.read(line, self.place, number) {
                    Ok(hit) => {
                        self.time = hit.time;
                        LineRecord::Hit { key: hit.key, value: hit.value }
                    }
                    Err(invalid) => rejected(&invalid, origin(), self.time, line, self.reader.site()),
                },
                Some(Line::TooLong { beginning, length, hash }) => {
                    let detail = format!("the line is {length} bytes long; the limit is {LONGEST_LINE}");
                    let mut rejection = Rejection::new(Reason::TooLarge, detail, origin(), self.time, &beginning);
                    rejection.raw_truncated = true;
                    rejection.raw_hash = format!("{hash:016x}").into();
                    LineRecord::Rejected { value: Bytes::from(rejection.to_json()) }
                }
            };
            return Ok(Some(Item { time: self.time, record }));
        }
    }
}

fn rejected(invalid: &Invalid, origin: String, time: Timestamp, line: &[u8], site: Option<&str>) -> LineRecord {
    let mut rejection = Rejection::new(invalid.reason, &*invalid.detail, origin, time, line);
    rejection.site = site.map(Into::into);
    if !invalid.pointer.is_empty() {
        rejection = rejection.at(&*invalid.pointer);
    }
    LineRecord::Rejected { value: Bytes::from(rejection.to_json()) }
}

/// Counts what is read through it.
struct Counting<R> {
    stream: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Iterator for FileItems {
    type Item = Result<Item, InputError>;

    /// The next line's record. Lines of nothing but white space are passed over.
    fn next(&mut self) -> Option<Self::Item> {
        self.read_item().transpose()
    }
}

#[cfg(test)]
mod tests;
