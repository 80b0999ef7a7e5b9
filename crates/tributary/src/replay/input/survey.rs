//! The pass over the input before the first record is published.
//!
//! It finds what cannot be opened or decompressed while nothing has been written yet, and names the content, so that
//! the same input is recognised under any name or compression. What the second pass reads is held against it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::measured::Measured;
use super::{InputError, source};

/// A file that was read to its end once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Surveyed {
    /// Where it is.
    pub path: PathBuf,
    /// How rejections name it: the last part of the path, since the same file may stand elsewhere tomorrow.
    pub name: String,
    /// xxh3-128, seed 0, of the decompressed content.
    pub hash: u128,
    /// The length of the decompressed content in bytes. What is appended later is not read.
    pub bytes: u64,
}

/// Reads a file to its end. `progress` is told how many bytes more have been read.
pub fn survey(path: PathBuf, progress: &mut dyn FnMut(u64)) -> Result<Surveyed, InputError> {
    refuse_streams(&path)?;
    let stream = source::open(&path).map_err(|error| InputError::Open { path: path.clone(), error })?;
    let mut stream = Measured::new(stream, progress);
    if let Err(error) = drain(&mut stream) {
        return Err(InputError::Read { path, line: stream.line_ends(), error });
    }
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned();
    Ok(Surveyed { name, hash: stream.hash(), bytes: stream.length(), path })
}

/// Refuses what can be read only once, or never ends, without opening it: that alone waits for a writer where it is a pipe.
fn refuse_streams(path: &Path) -> Result<(), InputError> {
    let kind = std::fs::metadata(path).map_err(|error| InputError::Open { path: path.to_owned(), error })?.file_type();
    // What is wrong with a folder is said when it is read.
    if kind.is_file() || kind.is_dir() { Ok(()) } else { Err(InputError::Stream { path: path.to_owned() }) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    const LINE: &str = "h - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1\n";

    fn surveyed(name: &str, content: &[u8]) -> Result<Surveyed, InputError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        survey(path, &mut |_| {})
    }

    fn refused(path: &str) -> String {
        survey(path.into(), &mut |_| {}).unwrap_err().to_string()
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
    fn what_cannot_be_read_to_its_end_is_named_with_the_line_where_it_breaks_off() {
        // Stored, not packed: what is cut away is what is not read.
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(LINE.repeat(20_000).as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let error = surveyed("broken.gz", &packed[..packed.len() / 2]).unwrap_err().to_string();
        let (_, behind) = error.split_once("broken.gz past line ").expect(&error);
        let line: u32 = behind.split(':').next().unwrap().parse().unwrap();
        assert!((9_000..=10_000).contains(&line), "{error}");

        assert!(refused("/no/such/file.log").starts_with("cannot open /no/such/file.log: "));
        let folder = std::env::temp_dir().to_string_lossy().into_owned();
        assert!(refused(&folder).contains(&folder));
    }

    #[test]
    fn what_can_be_read_only_once_is_refused_unopened() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in ["/dev/zero", "/dev/null", socket.to_str().unwrap()] {
            let error = refused(path);
            assert!(error.contains(path) && error.contains("use `-`"), "{error}");
        }
    }
}
