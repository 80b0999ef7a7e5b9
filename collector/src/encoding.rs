//! Bodies that come compressed: `Content-Encoding` gzip, deflate, br or zstd.
//!
//! A small body may unfold into a huge one. It is unfolded piece by piece, each piece is counted before it is kept, and the
//! first one too many ends it. What a decoder needs for itself (a window of at most 16 MiB) is not counted: unfolding never
//! waits, so that there are no more decoders at a time than threads.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::{HeaderMap, header};

/// What clients are told that may be sent.
pub(crate) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// The largest window that a zstd frame may ask for, as a power of two: 8 MiB, what RFC 8878 wants decoders to support.
const ZSTD_WINDOW: u32 = 23;

/// What is kept at a time, in bytes.
const PIECE: usize = 16 * 1024;

/// How a body was compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// A `Content-Encoding` that is not known here, or more than one.
#[derive(Debug)]
pub(crate) struct Unknown;

/// Why a body is not unfolded.
#[derive(Debug)]
pub(crate) enum DecodeError<E> {
    /// It is larger than one may be.
    TooLarge,
    /// It is not what its head says, or not all of it.
    Garbled(io::Error),
    /// There is no room for the next piece.
    NoRoom(E),
}

impl Encoding {
    /// What a request's head says; none where its body is sent as it is.
    pub(crate) fn of(head: &HeaderMap) -> Result<Option<Self>, Unknown> {
        let mut all = head.get_all(header::CONTENT_ENCODING).iter();
        let value = match (all.next(), all.next()) {
            (None, _) => return Ok(None),
            (Some(value), None) => value,
            _ => return Err(Unknown),
        };
        Ok(Some(match value.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => return Ok(None),
            b"gzip" | b"x-gzip" => Self::Gzip,
            b"deflate" => Self::Deflate,
            b"br" => Self::Brotli,
            b"zstd" => Self::Zstd,
            _ => return Err(Unknown),
        }))
    }

    /// Unfolds a body to at most so many bytes. `room` is asked before each piece is kept.
    pub(crate) fn decode<E>(
        self,
        body: &[u8],
        most: usize,
        mut room: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<u8>, DecodeError<E>> {
        let mut reader = self.reader(body).map_err(DecodeError::Garbled)?;
        let (mut decoded, mut piece) = (Vec::new(), [0; PIECE]);
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(decoded),
                Ok(length) if decoded.len() + length > most => return Err(DecodeError::TooLarge),
                Ok(length) => {
                    room(length).map_err(DecodeError::NoRoom)?;
                    decoded.extend_from_slice(&piece[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DecodeError::Garbled(error)),
            }
        }
    }

    fn reader<'a>(self, body: &'a [u8]) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(body)),
            Self::Deflate if is_zlib(body) => Box::new(ZlibDecoder::new(body)),
            Self::Deflate => Box::new(DeflateDecoder::new(body)),
            Self::Brotli => Box::new(brotli_decompressor::Decompressor::new(body, PIECE)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
        })
    }
}

/// HTTP's "deflate" means zlib's format, but some send the bare one. A zlib header is two bytes that say 8 and, as a number,
/// divide by 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const ALL: [Encoding; 4] = [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd];

    fn encode(encoding: Encoding, text: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Gzip => finish(GzEncoder::new(Vec::new(), Compression::best()), text, GzEncoder::finish),
            Encoding::Deflate => finish(ZlibEncoder::new(Vec::new(), Compression::best()), text, ZlibEncoder::finish),
            Encoding::Zstd => zstd::encode_all(text, 3).unwrap(),
            Encoding::Brotli => {
                let mut out = Vec::new();
                brotli::CompressorReader::new(text, 4096, 5, 22).read_to_end(&mut out).unwrap();
                out
            }
        }
    }

    fn finish<W: Write>(mut encoder: W, text: &[u8], end: fn(W) -> io::Result<Vec<u8>>) -> Vec<u8> {
        encoder.write_all(text).unwrap();
        end(encoder).unwrap()
    }

    fn decode(encoding: Encoding, body: &[u8], most: usize) -> Result<Vec<u8>, DecodeError<Infallible>> {
        encoding.decode(body, most, |_| Ok(()))
    }

    #[test]
    fn what_was_compressed_comes_out_as_it_was() {
        for encoding in ALL {
            for text in [&b""[..], b"{}", &b"hit ".repeat(50_000)] {
                assert_eq!(decode(encoding, &encode(encoding, text), text.len()).unwrap(), text, "{encoding:?}");
            }
        }
        let bare = finish(DeflateEncoder::new(Vec::new(), Compression::fast()), b"{}", DeflateEncoder::finish);
        assert_eq!(decode(Encoding::Deflate, &bare, 2).unwrap(), b"{}");
        let two = [encode(Encoding::Gzip, b"a"), encode(Encoding::Gzip, b"b")].concat();
        assert_eq!(decode(Encoding::Gzip, &two, 2).unwrap(), b"ab", "gzip files may be put one behind the other");
    }

    #[test]
    fn a_bomb_is_cut_where_it_grows_too_large_and_room_is_asked_for_no_more_than_that() {
        for encoding in ALL {
            let bomb = encode(encoding, &vec![b' '; 50 << 20]);
            assert!(bomb.len() < 1 << 20, "{encoding:?}");
            let mut kept = 0;
            let cut = encoding.decode(&bomb, 1 << 20, |length| {
                kept += length;
                Ok::<_, Infallible>(())
            });
            assert!(matches!(cut, Err(DecodeError::TooLarge)), "{encoding:?}");
            assert!(kept <= 1 << 20, "{encoding:?}");
        }
    }

    #[test]
    fn without_room_for_the_next_piece_nothing_is_kept() {
        for encoding in ALL {
            let refused = encoding.decode(&encode(encoding, b"{}"), 2, |_| Err("full"));
            assert!(matches!(refused, Err(DecodeError::NoRoom("full"))), "{encoding:?}");
        }
    }

    #[test]
    fn what_is_cut_short_or_something_else_is_garbled() {
        for encoding in ALL {
            let whole = encode(encoding, &b"a hit, and another one".repeat(100));
            for body in [&whole[..whole.len() - 3], b"{\"site\":\"a\"}", &[b"\xff\xff\xff\xff", &whole[..]].concat()] {
                assert!(matches!(decode(encoding, body, 1 << 20), Err(DecodeError::Garbled(_))), "{encoding:?}");
            }
        }
    }

    #[test]
    fn a_window_of_more_than_eight_mebibytes_is_refused() {
        // A frame header that asks for a window of 2 GiB, and nothing behind it.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 0x01, 0x00, 0x00];
        assert!(matches!(decode(Encoding::Zstd, &frame, 1 << 20), Err(DecodeError::Garbled(_))));
    }

    #[test]
    fn a_head_names_one_encoding_at_most() {
        let of = |values: &[&'static str]| {
            let mut head = HeaderMap::new();
            for value in values {
                head.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            Encoding::of(&head)
        };
        assert!(matches!(of(&[]), Ok(None)));
        assert!(matches!(of(&["Identity"]), Ok(None)));
        assert!(matches!(of(&[" GZip "]), Ok(Some(Encoding::Gzip))));
        for unknown in [&["gzip, gzip"][..], &["gzip", "gzip"], &["compress"]] {
            assert!(of(unknown).is_err(), "{unknown:?}");
        }
    }
}
