//! JSON objects, written piece by piece into a buffer.

use events::Offset;
use events::decimal::write_decimal;
use events::text::{is_plain, write_json_str};

use super::fixed::{Fixed, LONGEST};

/// Appends to a JSON object. A name is given as it stands between two fields, `,"name":`; names are ours and need no
/// escape. Everything is inlined: copies whose length the compiler knows are two or three instructions, and a call of
/// `memcpy` is forty.
pub(super) struct Fields<'o>(pub(super) &'o mut Vec<u8>);

impl<'o> Fields<'o> {
    /// Copies an object up to its closing brace. `more` is how many bytes will about follow.
    #[inline(always)]
    pub(super) fn after(raw: &[u8], more: usize, out: &'o mut Vec<u8>) -> Self {
        let object = raw.trim_ascii_end().strip_suffix(b"}").expect("a hit that was read is a JSON object");
        out.reserve(object.len() + more);
        out.extend_from_slice(object);
        Self(out)
    }

    /// JSON as it stands.
    #[inline(always)]
    pub(super) fn raw(&mut self, json: &[u8]) {
        self.0.extend_from_slice(json);
    }

    /// Names, times and ids in a row, whose length is known: the buffer is asked for room once, not for each.
    #[inline(always)]
    pub(super) fn fixed<P: Fixed>(&mut self, pieces: P) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; LONGEST][..P::LEN]);
        pieces.write_over(&mut self.0[start..]);
    }

    #[inline(always)]
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.raw(name.as_bytes());
        write_json_str(self.0, text);
    }

    #[inline(always)]
    pub(super) fn maybe_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A text that is kept as bytes, which may be known to need no escape.
    #[inline(always)]
    pub(super) fn utf8(&mut self, name: &str, text: &[u8], is_known_plain: bool) {
        if is_known_plain || is_plain(text) {
            self.quoted(name, text);
        } else {
            self.text(name, std::str::from_utf8(text).expect("it was put in as text"));
        }
    }

    /// ASCII that needs no escape.
    #[inline(always)]
    pub(super) fn quoted(&mut self, name: &str, ascii: &[u8]) {
        self.raw(name.as_bytes());
        self.0.push(b'"');
        self.raw(ascii);
        self.0.push(b'"');
    }

    #[inline(always)]
    pub(super) fn integer(&mut self, name: &str, value: u64) {
        self.raw(name.as_bytes());
        write_decimal(self.0, value);
    }

    /// Offsets are never below zero.
    #[inline(always)]
    pub(super) fn offset(&mut self, name: &str, offset: Offset) {
        self.integer(name, offset.0.unsigned_abs());
    }

    #[inline(always)]
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.raw(name.as_bytes());
        self.raw(if value { b"true" } else { b"false" });
    }
}
