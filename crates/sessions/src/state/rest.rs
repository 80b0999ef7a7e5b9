//! Plain JSON, read by hand where it has the form in which it was written.

use events::Timestamp;
use memchr::memchr2;

/// What is still to be read.
pub(super) struct Rest<'a>(pub(super) &'a str);

impl<'a> Rest<'a> {
    /// Whether this comes next; then it is read.
    #[inline(always)]
    pub(super) fn is(&mut self, text: &str) -> bool {
        let tail = self.0.strip_prefix(text);
        self.0 = tail.unwrap_or(self.0);
        tail.is_some()
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, text: &str) -> Option<()> {
        self.is(text).then_some(())
    }

    /// A text without escapes.
    #[inline(always)]
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let inner = self.0.strip_prefix('"')?;
        let (text, tail) = inner.split_at(memchr2(b'"', b'\\', inner.as_bytes())?);
        self.0 = tail.strip_prefix('"')?;
        Some(text)
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        self.text()?.parse().ok()
    }

    /// An integer of eighteen digits at most.
    #[inline(always)]
    pub(super) fn integer(&mut self) -> Option<i64> {
        let (is_negative, digits) = match self.0.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, self.0),
        };
        let len = digits.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = digits.split_at(len);
        // A zero in front is no JSON, and one below zero no integer.
        if len == 0 || len > 18 || (number.starts_with('0') && (len > 1 || is_negative)) {
            return None;
        }
        self.0 = tail;
        let number = number.bytes().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        Some(if is_negative { -number } else { number })
    }

    /// `,"name":` and an integer.
    #[inline(always)]
    pub(super) fn named(&mut self, name: &str) -> Option<i64> {
        self.skip(",\"")?;
        self.skip(name)?;
        self.skip("\":")?;
        self.integer()
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        if self.is("true") {
            return Some(true);
        }
        self.skip("false").map(|()| false)
    }
}
