//! What is still to be read of a JSON text that is expected to be plain: texts without escapes, by far the most.
//!
//! Whoever reads with this takes `None` for "not in this form" and asks serde, which takes longer and knows what is wrong.
//! So nothing is ever refused here.

use serde_json::value::RawValue;

use crate::text::plain_len;

/// What is still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    pub(crate) fn of(json: &'a str) -> Self {
        Self { json, at: 0 }
    }

    #[inline]
    pub(crate) fn next(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    #[inline]
    pub(crate) fn pass(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        &self.json.as_bytes()[self.at..]
    }

    /// Passes over so many bytes, which were looked at.
    #[inline]
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Passes over JSON's white space.
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.next() {
            self.at += 1;
        }
    }

    /// Takes a text off. One with escapes stays where it is.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let rest = self.json.get(self.at..)?.strip_prefix('"')?;
        let text = rest.get(..plain_len(rest.as_bytes()))?;
        if rest.as_bytes().get(text.len()) != Some(&b'"') {
            return None;
        }
        self.at += text.len() + 2;
        Some(text)
    }

    /// Takes any value off, as serde reads it.
    pub(crate) fn value(&mut self) -> Option<&'a RawValue> {
        // White space before it would be another form; serde would pass over it in silence.
        if self.next()?.is_ascii_whitespace() {
            return None;
        }
        let mut values = serde_json::Deserializer::from_str(self.json.get(self.at..)?).into_iter::<&RawValue>();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// What stands between an earlier place and this one.
    pub(crate) fn since(&self, earlier: Self) -> Option<&'a str> {
        self.json.get(earlier.at..self.at)
    }
}
