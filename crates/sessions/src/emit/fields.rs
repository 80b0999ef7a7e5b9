//! JSON objects, written field by field into a buffer.

use events::text::{is_plain, write_json_str};
use events::{Offset, Timestamp, Uuid, ids};

/// Appends fields to a JSON object that has one already. A name is given as it stands between two fields,
/// `,"name":`, so that it is one copy of memory; names are ours and need no escape. Everything is inlined: copies of
/// names whose length the compiler knows are two or three instructions, and a call of `memcpy` is forty.
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

    /// A text that is kept as bytes.
    #[inline(always)]
    pub(super) fn utf8(&mut self, name: &str, text: &[u8]) {
        if is_plain(text) {
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
    pub(super) fn id(&mut self, name: &str, id: Uuid) {
        self.raw(name.as_bytes());
        self.0.push(b'"');
        ids::write_uuid(self.0, id);
        self.0.push(b'"');
    }

    #[inline(always)]
    pub(super) fn time(&mut self, name: &str, time: Timestamp) {
        self.raw(name.as_bytes());
        self.0.push(b'"');
        time.write_rfc3339(self.0);
        self.0.push(b'"');
    }

    #[inline(always)]
    pub(super) fn integer(&mut self, name: &str, value: impl itoa::Integer) {
        self.raw(name.as_bytes());
        self.raw(itoa::Buffer::new().format(value).as_bytes());
    }

    #[inline(always)]
    pub(super) fn offset(&mut self, name: &str, offset: Offset) {
        self.integer(name, offset.0);
    }

    #[inline(always)]
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.raw(name.as_bytes());
        self.raw(if value { b"true" } else { b"false" });
    }
}
