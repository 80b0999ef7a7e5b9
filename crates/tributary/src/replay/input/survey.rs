//! The pass over the input before the first record is published.
//!
//! It finds what cannot be opened or decompressed while nothing has been written yet, names the content, so that
//! the same input is recognised under any name or compression, and finds the time at which each file begins.

use std::io::{self, Read};
use std::path::PathBuf;

use events::Timestamp;
use xxhash_rust::xxh3::Xxh3;

use super::format::LineReader;
use super::lines::{Line, Lines};
use super::{InputError, source};

/// A file that was read to its end once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Surveyed {
    /// Where it is.
    pub path: PathBuf,
    /// How rejections name it: the last part of the path, since the same file may stand elsewhere tomorrow.
    pub name: String,
    /// The time of the first line that could be read; 1970 where none could.
    pub first: Timestamp,
    /// xxh3-128, seed 0, of the decompressed content.
    pub hash: u128,
    /// The length of the decompressed content in bytes. What is appended later is not read.
    pub bytes: u64,
}

/// Reads a file to its end. `progress` is told how many bytes more have been read.
pub fn survey(path: PathBuf, reader: &LineReader, progress: &mut dyn FnMut(u64)) -> Result<Surveyed, InputError> {
    let stream = match source::open(&path) {
        Ok(stream) => stream,
        Err(error) => return Err(InputError::Open { path, error }),
    };
    let mut lines = Lines::new(Hashing { stream, hash: Xxh3::new(), bytes: 0, progress });
    let first = match first_time(&mut lines, reader) {
        Ok(first) => first,
        Err(error) => return Err(InputError::Read { path, line: lines.number(), error }),
    };
    let line = lines.number();
    let mut rest = lines.into_stream();
    if let Err(error) = drain(&mut rest) {
        return Err(InputError::Read { path, line, error });
    }
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned();
    Ok(Surveyed { name, first, hash: rest.hash.digest128(), bytes: rest.bytes, path })
}

fn first_time<R: Read>(lines: &mut Lines<R>, reader: &LineReader) -> io::Result<Timestamp> {
    loop {
        let number = lines.number() + 1;
        match lines.next_line()? {
            None => return Ok(Timestamp::default()),
            Some(Line::TooLong { .. }) => {}
            Some(Line::Whole(line)) => {
                if let Ok(hit) = reader.read(line, 0, number) {
                    return Ok(hit.time);
                }
            }
        }
    }
}

fn drain(stream: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hashes and counts what is read through it.
struct Hashing<'a, R> {
    stream: R,
    hash: Xxh3,
    bytes: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        (self.progress)(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::input::format::Format;
    use events::Limits;
    use std::io::Write;

    const LINE: &str = "h - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1\n";

    fn surveyed(name: &str, content: &[u8]) -> Result<Surveyed, InputError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
        survey(path, &reader, &mut |_| {})
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn content_is_named_alike_however_it_is_compressed() {
        let text = LINE.repeat(1000);
        let (plain, packed) = (surveyed("a", text.as_bytes()).unwrap(), surveyed("b", &gzip(&text)).unwrap());
        assert_eq!((plain.hash, plain.bytes), (packed.hash, packed.bytes));
        assert_eq!((packed.bytes, &*packed.name), (text.len() as u64, "b"));
    }

    #[test]
    fn a_file_begins_with_its_first_line_that_can_be_read() {
        let first = surveyed("a", format!("nonsense\n\n{LINE}").as_bytes()).unwrap().first;
        assert_eq!(first.to_string(), "2015-05-17T10:05:03.000Z");
        assert_eq!(surveyed("a", b"nonsense\n").unwrap().first, Timestamp::default());
    }

    #[test]
    fn what_cannot_be_read_to_its_end_is_named() {
        let packed = gzip(&LINE.repeat(20_000));
        let error = surveyed("broken.gz", &packed[..packed.len() - 40]).unwrap_err().to_string();
        assert!(error.contains("broken.gz past line"), "{error}");

        let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
        let error = survey("/no/such/file.log".into(), &reader, &mut |_| {}).unwrap_err().to_string();
        assert!(error.starts_with("cannot open /no/such/file.log: "), "{error}");
        let error = survey(std::env::temp_dir(), &reader, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(&*std::env::temp_dir().to_string_lossy()), "{error}");
    }
}
