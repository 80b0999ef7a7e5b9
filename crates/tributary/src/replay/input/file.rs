//! The lines of one file as records, in their order.

use std::io::{self, Read, Take};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use events::{Invalid, Reason, Rejection, Timestamp};

use super::format::LineReader;
use super::lines::{LONGEST_LINE, Line, Lines};
use super::measured::Measured;
use super::survey::Surveyed;
use super::{InputError, Item, LineRecord, source};

/// One file of the input. It is opened when its first item is asked for.
pub struct FileItems {
    file: Surveyed,
    /// Its place among the files named, from 0.
    place: u32,
    reader: LineReader,
    /// Later times than this are of the future.
    latest: Timestamp,
    lines: Option<Box<Lines<SecondPass>>>,
    /// The time of the last line that could be read; before the first, that of the first.
    time: Timestamp,
    bytes_read: Arc<AtomicU64>,
}

/// As much of a file as was surveyed. A log may grow meanwhile: its id names that much.
type SecondPass = Measured<Take<Box<dyn Read + Send>>, Box<dyn FnMut(u64) + Send>>;

impl FileItems {
    /// The items of a file that was surveyed, which is read up to the first line that can be. `place` tells it from the
    /// others, in the ids of its hits; lines later than `latest` are rejected. What has been read of its decompressed content
    /// is added to `bytes_read`.
    pub fn new(
        file: Surveyed,
        place: u32,
        reader: LineReader,
        latest: Timestamp,
        bytes_read: Arc<AtomicU64>,
    ) -> Result<Self, InputError> {
        let mut items = Self { file, place, reader, latest, lines: None, time: Timestamp::default(), bytes_read };
        items.time = items.first_time()?.unwrap_or_default();
        Ok(items)
    }

    /// The time at which it begins: that of its first line that can be read, or 1970 where none can.
    pub fn begins(&self) -> Timestamp {
        self.time
    }

    fn first_time(&self) -> Result<Option<Timestamp>, InputError> {
        let mut lines = Lines::new(self.open(Box::new(|_| {}))?);
        loop {
            let before = lines.number();
            match lines.next_line().map_err(|error| self.broken(before, error))? {
                None => return Ok(None),
                Some(Line::TooLong { .. }) => {}
                Some(Line::Whole(line)) => match self.reader.read(line, self.place, before + 1) {
                    Ok(hit) if hit.time <= self.latest => return Ok(Some(hit.time)),
                    _ => {}
                },
            }
        }
    }

    fn open(&self, progress: Box<dyn FnMut(u64) + Send>) -> Result<SecondPass, InputError> {
        let path = &self.file.path;
        let stream = source::open(path).map_err(|error| InputError::Open { path: path.clone(), error })?;
        Ok(Measured::new(stream.take(self.file.bytes), progress))
    }

    fn broken(&self, line: u64, error: io::Error) -> InputError {
        InputError::Read { path: self.file.path.clone(), line, error }
    }

    fn read_item(&mut self) -> Result<Option<Item>, InputError> {
        let mut lines = match self.lines.take() {
            Some(lines) => lines,
            None => {
                let bytes_read = self.bytes_read.clone();
                let progress = move |bytes| {
                    bytes_read.fetch_add(bytes, Ordering::Relaxed);
                };
                Box::new(Lines::new(self.open(Box::new(progress))?))
            }
        };
        let item = self.item_of(&mut lines);
        self.lines = Some(lines);
        item
    }

    fn item_of(&mut self, lines: &mut Lines<SecondPass>) -> Result<Option<Item>, InputError> {
        loop {
            let before = lines.number();
            let Some(line) = lines.next_line().map_err(|error| self.broken(before, error))? else {
                // Before the log ends: what was read under this name must be what the name stands for.
                return match lines.stream().is(&self.file) {
                    true => Ok(None),
                    false => Err(InputError::Changed { path: self.file.path.clone() }),
                };
            };
            let number = before + 1;
            let origin = || format!("{}:{number}", self.file.name);
            let mut is_ahead = false;
            let record = match line {
                Line::Whole(line) if line.trim_ascii().is_empty() => continue,
                Line::Whole(line) => match self.reader.read(line, self.place, number) {
                    Ok(hit) if hit.time > self.latest => {
                        is_ahead = true;
                        rejected(&in_the_future(hit.time), origin(), self.time, line, self.reader.site())
                    }
                    Ok(hit) => {
                        self.time = hit.time;
                        LineRecord::Hit { key: hit.key, value: hit.value }
                    }
                    Err(invalid) => rejected(&invalid, origin(), self.time, line, self.reader.site()),
                },
                Line::TooLong { beginning, length, hash } => {
                    let detail = format!("the line is {length} bytes long; the limit is {LONGEST_LINE}");
                    let mut rejection = Rejection::new(Reason::TooLarge, detail, origin(), self.time, &beginning);
                    rejection.raw_truncated = true;
                    rejection.raw_hash = format!("{hash:016x}").into();
                    LineRecord::Rejected { value: Bytes::from(rejection.to_json()) }
                }
            };
            return Ok(Some(Item { time: self.time, record, is_ahead }));
        }
    }
}

/// One such line would let everything behind it come too late. What the clock said is not told: the same line is the same
/// record on another day.
fn in_the_future(time: Timestamp) -> Invalid {
    Invalid::new(Reason::TimeOutOfRange, "", format!("its time, {time}, lies in the future"))
}

fn rejected(invalid: &Invalid, origin: String, time: Timestamp, line: &[u8], site: Option<&str>) -> LineRecord {
    let mut rejection = Rejection::new(invalid.reason, &*invalid.detail, origin, time, line);
    rejection.site = site.map(Into::into);
    if !invalid.pointer.is_empty() {
        rejection = rejection.at(&*invalid.pointer);
    }
    LineRecord::Rejected { value: Bytes::from(rejection.to_json()) }
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
