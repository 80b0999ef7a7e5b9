//! How a record lies in a segment: a mark, a length, a checksum, then number, time, label, key and value. All numbers are
//! little-endian.
//!
//! The mark begins with a byte that no UTF-8 text holds, so that a reader who has lost its place finds the next frame and
//! not something that a client sent. The checksum is seeded with the segment's number: a frame of another file is none here.

use bytes::Bytes;
use events::Timestamp;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::record::{MAX_RECORD_BYTES, Record, Seq};

/// How every frame begins.
pub(crate) const MARK: [u8; 4] = [0xff, b'S', b'P', b'L'];

/// Mark, length of the body, checksum of the body.
const HEAD: usize = 4 + 4 + 8;

/// Number, time, label, length of the key.
const BODY_HEAD: usize = 8 + 8 + 1 + 4;

/// What a record takes on disk beside its key and value.
pub(crate) const OVERHEAD: usize = HEAD + BODY_HEAD;

const NO_KEY: u32 = u32::MAX;

/// A record in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) seq: Seq,
    /// When it was appended, as its owner says.
    pub(crate) time: Timestamp,
    pub(crate) record: Record,
}

/// What some bytes begin with.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Decoded {
    /// A frame, and its size.
    Frame(Frame, usize),
    /// Perhaps a frame, if so many bytes are there in all.
    Needs(usize),
    /// No frame.
    Bad,
}

impl Frame {
    /// Appends it to a segment's bytes.
    pub(crate) fn encode(seq: Seq, time: Timestamp, record: &Record, salt: u64, out: &mut Vec<u8>) {
        let start = out.len();
        let length = BODY_HEAD + record.size();
        out.extend_from_slice(&MARK);
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&seq.0.to_le_bytes());
        out.extend_from_slice(&time.as_millis().to_le_bytes());
        out.push(record.label);
        let key_length = record.key.as_ref().map_or(NO_KEY, |key| key.len() as u32);
        out.extend_from_slice(&key_length.to_le_bytes());
        out.extend_from_slice(record.key.as_deref().unwrap_or_default());
        out.extend_from_slice(&record.value);
        let checksum = xxh3_64_with_seed(&out[start + HEAD..], salt);
        out[start + 8..start + HEAD].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Reads what the bytes begin with.
    pub(crate) fn decode(bytes: &[u8], salt: u64) -> Decoded {
        let known = bytes.len().min(MARK.len());
        if bytes[..known] != MARK[..known] {
            return Decoded::Bad;
        }
        let Some(head) = bytes.first_chunk::<HEAD>() else { return Decoded::Needs(HEAD) };
        let length = number::<4>(head, 4) as usize;
        if !(BODY_HEAD..=BODY_HEAD + MAX_RECORD_BYTES).contains(&length) {
            return Decoded::Bad;
        }
        let Some(body) = bytes.get(HEAD..HEAD + length) else { return Decoded::Needs(HEAD + length) };
        if xxh3_64_with_seed(body, salt) != number::<8>(head, 8) {
            return Decoded::Bad;
        }
        let (key_length, rest) = (number::<4>(body, 17) as u32, &body[BODY_HEAD..]);
        let (key, value) = match key_length {
            NO_KEY => (None, rest),
            length => match rest.split_at_checked(length as usize) {
                Some((key, value)) => (Some(Bytes::copy_from_slice(key)), value),
                None => return Decoded::Bad,
            },
        };
        let record = Record { label: body[16], key, value: Bytes::copy_from_slice(value) };
        let (seq, time) = (Seq(number::<8>(body, 0)), Timestamp::from_millis(number::<8>(body, 8) as i64));
        Decoded::Frame(Self { seq, time, record }, HEAD + length)
    }
}

/// The number of N bytes that stands there.
fn number<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let mut whole = [0; 8];
    whole[..N].copy_from_slice(&bytes[at..at + N]);
    u64::from_le_bytes(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..50).prop_map(Bytes::from);
        (any::<u8>(), proptest::option::of(bytes()), bytes()).prop_map(|(label, key, value)| Record {
            label,
            key,
            value,
        })
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written_and_not_by_half(
            record in record(), seq in any::<u64>(), time in any::<i64>(), salt in any::<u64>(),
            flip in any::<proptest::sample::Index>(),
        ) {
            let (seq, time) = (Seq(seq), Timestamp::from_millis(time));
            let mut bytes = Vec::new();
            Frame::encode(seq, time, &record, salt, &mut bytes);
            prop_assert_eq!(bytes.len(), OVERHEAD + record.size());
            let size = bytes.len();
            prop_assert_eq!(Frame::decode(&bytes, salt), Decoded::Frame(Frame { seq, time, record }, size));
            for cut in 0..size {
                let needs = matches!(Frame::decode(&bytes[..cut], salt), Decoded::Needs(more) if more > cut && more <= size);
                prop_assert!(needs);
            }
            prop_assert_eq!(Frame::decode(&bytes, salt ^ 1), Decoded::Bad, "it belongs to another segment");
            let at = flip.index(size);
            bytes[at] ^= 0x10;
            prop_assert!(!matches!(Frame::decode(&bytes, salt), Decoded::Frame(..)), "byte {at} was changed");
        }
    }
}
