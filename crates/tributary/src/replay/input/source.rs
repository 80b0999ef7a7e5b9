//! One file as a stream of bytes, decompressed where its first bytes say so.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Opens a file. Whether it is gzip or zstd is seen from its first bytes, not from its name: rotated logs are
/// called anything. Archives of several members (`cat a.gz b.gz`) are read to the end.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut file = File::open(path)?;
    let mut beginning = [0; 4];
    let filled = read_up_to(&mut file, &mut beginning)?;
    let beginning = &beginning[..filled];
    let whole = BufReader::with_capacity(128 * 1024, io::Cursor::new(beginning.to_vec()).chain(file));
    Ok(if beginning.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(whole))
    } else if beginning == ZSTD {
        Box::new(zstd::Decoder::with_buffer(whole)?)
    } else {
        Box::new(whole)
    })
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(content: &[u8]) -> io::Result<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        std::fs::write(&path, content).unwrap();
        let mut text = Vec::new();
        open(&path)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_file_is_decompressed_by_its_content_whatever_its_name() {
        assert_eq!(b"one\ntwo\n", &read(b"one\ntwo\n").unwrap()[..]);
        assert_eq!(b"one\ntwo\n", &read(&gzip(b"one\ntwo\n")).unwrap()[..]);
        assert_eq!(b"one\ntwo\n", &read(&zstd::encode_all(&b"one\ntwo\n"[..], 1).unwrap()).unwrap()[..]);
    }

    #[test]
    fn archives_that_were_joined_are_read_to_the_end() {
        assert_eq!(b"one\ntwo\n", &read(&[gzip(b"one\n"), gzip(b"two\n")].concat()).unwrap()[..]);
        let frames: Vec<u8> =
            [&b"one\n"[..], b"two\n"].iter().flat_map(|text| zstd::encode_all(*text, 1).unwrap()).collect();
        assert_eq!(b"one\ntwo\n", &read(&frames).unwrap()[..]);
    }

    #[test]
    fn files_shorter_than_a_magic_number_are_plain() {
        for content in [&b""[..], b"a", b"\x1f", b"\x28\xb5\x2f"] {
            assert_eq!(content, &read(content).unwrap()[..]);
        }
    }

    #[test]
    fn a_truncated_archive_is_an_error_and_not_an_end() {
        let whole = gzip(&b"a line of the log\n".repeat(100));
        assert!(read(&whole[..whole.len() / 2]).is_err());
        let whole = zstd::encode_all(&b"a line of the log\n".repeat(100)[..], 1).unwrap();
        assert!(read(&whole[..whole.len() / 2]).is_err());
    }
}
