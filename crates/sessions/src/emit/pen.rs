//! JSON objects, written piece by piece into room that was measured before.

use events::Offset;
use events::decimal::write_decimal_over;
use events::text::is_plain;

use super::fixed::Fixed;
use crate::fragment::Fragment;

/// Writes into a room from its start on. Whoever hands it the room has made sure that everything fits: a buffer that grows
/// asks so at each piece, which costs more than most pieces. Everything is inlined: copies whose length the compiler
/// knows are two or three instructions. Whoever writes a record owns the pen and hands it back: so it stays in registers.
#[derive(Debug)]
pub(crate) struct Pen<'o> {
    room: &'o mut [u8],
}

/// The most bytes that a text of so many becomes as JSON, without its quotes: a control character is `\u001f`.
pub(crate) const fn escaped(len: usize) -> usize {
    6 * len
}

impl<'o> Pen<'o> {
    pub(crate) fn new(room: &'o mut [u8]) -> Self {
        Self { room }
    }

    /// How much room is left.
    pub(crate) fn left(&self) -> usize {
        self.room.len()
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> &'o mut [u8] {
        let (here, rest) = std::mem::take(&mut self.room).split_at_mut(len);
        self.room = rest;
        here
    }

    /// JSON as it stands.
    #[inline(always)]
    pub(crate) fn raw(&mut self, json: &[u8]) {
        copy(self.take(json.len()), json);
    }

    /// JSON that stands in many records.
    #[inline(always)]
    pub(crate) fn fragment(&mut self, fragment: &Fragment) {
        if let (Some(padded), Some(place)) = (fragment.padded(), self.room.first_chunk_mut()) {
            *place = *padded;
            self.take(fragment.len());
        } else {
            self.raw(fragment.bytes());
        }
    }

    /// Names, times and ids in a row, whose length is known.
    #[inline(always)]
    pub(super) fn fixed<P: Fixed>(&mut self, pieces: P) {
        pieces.write_over(self.take(P::LEN));
    }

    /// A text with its name, which is given as it stands between two fields and with the text's opening quote:
    /// `,"name":"`. Names are ours and need no escape. `is_known_plain`: nor does the text.
    #[inline(always)]
    pub(super) fn text<const N: usize>(&mut self, name: &[u8; N], text: &[u8], is_known_plain: bool) {
        if is_known_plain || is_plain(text) {
            self.fixed(name);
            self.raw(text);
            self.fixed(b"\"");
        } else {
            self.raw(&name[..N - 1]);
            self.room = escape(std::mem::take(&mut self.room), text);
        }
    }

    #[inline(always)]
    pub(super) fn maybe_text<const N: usize>(&mut self, name: &[u8; N], text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text.as_bytes(), false);
        }
    }

    /// A number; [`events::decimal::DECIMAL_ROOM`] bytes of room must be there for it.
    #[inline(always)]
    pub(super) fn integer<const N: usize>(&mut self, name: &[u8; N], value: u64) {
        self.fixed(name);
        let len = write_decimal_over(self.room, value);
        self.take(len);
    }

    /// Offsets are never below zero.
    #[inline(always)]
    pub(super) fn offset<const N: usize>(&mut self, name: &[u8; N], offset: Offset) {
        self.integer(name, offset.0.unsigned_abs());
    }

    #[inline(always)]
    pub(super) fn flag<const N: usize>(&mut self, name: &[u8; N], value: bool) {
        self.fixed(name);
        // Without a branch: which of the two it is nobody can foretell.
        let (text, len) = if value { (b"true ", 4) } else { (b"false", 5) };
        if let Some(place) = self.room.first_chunk_mut() {
            *place = *text;
            self.take(len);
        } else {
            self.raw(&text[..len]);
        }
    }
}

/// Writes a text as serde does, and hands the rest of the room back.
#[cold]
fn escape<'o>(mut room: &'o mut [u8], text: &[u8]) -> &'o mut [u8] {
    let text = std::str::from_utf8(text).expect("it was put in as text");
    serde_json::to_writer(&mut room, text).expect("there is room for a text with escapes");
    room
}

/// Copies bytes of the same number. Most texts are short: two copies that overlap are cheaper than a call.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    debug_assert_eq!(to.len(), from.len());
    match from.len() {
        65.. => to.copy_from_slice(from),
        33.. => copy_ends::<32>(to, from),
        17.. => copy_ends::<16>(to, from),
        9.. => copy_ends::<8>(to, from),
        4.. => copy_ends::<4>(to, from),
        _ => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}

/// Copies N to 2 N bytes.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>())
        && let Some(place) = to.first_chunk_mut::<N>()
    {
        *place = *first;
        if let Some(place) = to.last_chunk_mut::<N>() {
            *place = *last;
        }
    }
}

/// What the pen writes into a room of its own.
pub(super) fn written(room: usize, write: impl FnOnce(&mut Pen<'_>)) -> Vec<u8> {
    let mut bytes = vec![0; room];
    let mut pen = Pen::new(&mut bytes);
    write(&mut pen);
    let left = pen.left();
    bytes.truncate(room - left);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use events::decimal::DECIMAL_ROOM;

    proptest! {
        #[test]
        fn a_text_is_written_as_serde_writes_it(text in "[ -~\u{0}\n\u{10ffff}\\\\\"]{0,140}", slack in 0usize..3) {
            let room = 10 + escaped(text.len()) + slack;
            let json = written(room, |pen| pen.text(b",\"name\":\"", text.as_bytes(), false));
            let expected = format!(",\"name\":{}", serde_json::to_string(&text).unwrap());
            prop_assert_eq!(String::from_utf8(json).unwrap(), expected);
        }

        #[test]
        fn bytes_are_copied_whole(bytes in prop::collection::vec(any::<u8>(), 0..140)) {
            prop_assert_eq!(written(bytes.len(), |pen| pen.raw(&bytes)), bytes);
        }

        #[test]
        fn a_fragment_is_copied_whole_whatever_room_there_is(
            json in prop::collection::vec(1u8.., 0..300),
            slack in 0usize..300,
        ) {
            let fragment = Fragment::new(json.clone());
            for fragment in [fragment.clone(), fragment.trimmed()] {
                prop_assert_eq!(fragment.len(), json.len());
                let text = written(json.len() + slack, |pen| pen.fragment(&fragment));
                prop_assert_eq!(&text, &json);
            }
        }

        #[test]
        fn numbers_stand_behind_their_names(value in any::<u64>(), bits in 0..64) {
            let value = value >> bits;
            let json = written(4 + DECIMAL_ROOM, |pen| pen.integer(b"\"n\":", value));
            prop_assert_eq!(String::from_utf8(json).unwrap(), format!("\"n\":{value}"));
        }
    }
}
