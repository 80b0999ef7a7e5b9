//! The form in which the pipeline writes its records: one flat object without white space.
//!
//! Whatever is not in this form, valid or not, goes to serde, which takes several times as long and knows what is wrong.
//! So nothing here decides that a record is bad: `None` says that serde must see it. Laws in the tests of whoever reads
//! records this way (the engine, the lake's tables) hold it and serde to the same answers.

use serde_json::value::RawValue;

use crate::rest::Rest;
use crate::text::find_any;

/// A record's JSON, read from the front to the end: name, value, [`goes_on`](Self::goes_on), name, value.
#[derive(Debug)]
pub struct OwnForm<'a>(Rest<'a>);

impl<'a> OwnForm<'a> {
    /// Begins with an object.
    #[inline]
    pub fn begin(json: &'a str) -> Option<Self> {
        let mut rest = Rest::of(json);
        rest.pass(b'{')?;
        Some(Self(rest))
    }

    /// Takes this name off and its colon, where it comes next.
    #[inline]
    pub fn is_named(&mut self, name: &str) -> bool {
        let rest = self.0.bytes();
        // The closing quote first: it tells most names apart by their lengths alone.
        let is_it = rest.get(name.len() + 1) == Some(&b'"')
            && rest.get(name.len() + 2) == Some(&b':')
            && rest[0] == b'"'
            && rest[1..=name.len()] == *name.as_bytes();
        if is_it {
            self.0.skip(name.len() + 3);
        }
        is_it
    }

    /// Takes a member's name off and its colon, whatever it is. What stands before the next quote is given as it is: a
    /// name with a backslash or a control character in it may mean another one, or nothing.
    #[inline]
    pub fn name(&mut self) -> Option<&'a [u8]> {
        self.0.pass(b'"')?;
        let rest = self.0.bytes();
        let name = &rest[..find_any(rest, *b"\"")?];
        self.0.skip(name.len() + 1);
        self.0.pass(b':')?;
        Some(name)
    }

    /// Whether a text comes next.
    #[inline]
    pub fn is_text(&self) -> bool {
        self.0.next() == Some(b'"')
    }

    /// Takes a text off. One with escapes stays where it is.
    #[inline]
    pub fn text(&mut self) -> Option<&'a str> {
        self.0.text()
    }

    /// Takes `true` or `false` off.
    pub fn flag(&mut self) -> Option<bool> {
        let rest = self.0.bytes();
        let flag = rest.starts_with(b"true");
        if !flag && !rest.starts_with(b"false") {
            return None;
        }
        self.0.skip(if flag { 4 } else { 5 });
        Some(flag)
    }

    /// Takes a whole number off that has no sign and at most 18 digits.
    pub fn count(&mut self) -> Option<i64> {
        let rest = self.0.bytes();
        let len = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let digits = &rest[..len];
        // Zeros in front are not JSON.
        if len == 0 || len > 18 || (len > 1 && digits[0] == b'0') {
            return None;
        }
        self.0.skip(len);
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// Takes any value off, as serde reads it.
    pub fn value(&mut self) -> Option<&'a RawValue> {
        self.0.value()
    }

    /// After a value: whether a name comes next, or this was the record's end.
    #[inline]
    pub fn goes_on(&mut self) -> Option<bool> {
        if self.0.pass(b',').is_some() {
            return Some(true);
        }
        self.0.pass(b'}')?;
        self.0.next().is_none().then_some(false)
    }
}
