//! What the topic `rejected` carries: one thing that was refused, with the reason.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::content_hash;
use crate::reason::Reason;
use crate::time::Timestamp;

/// The most of a refused body that a rejection carries along, in bytes.
pub const RAW_BYTES: usize = 16 * 1024;

/// One refusal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rejection<'a> {
    /// `rejection/1`.
    pub schema: Cow<'a, str>,
    /// The stable name of the [`Reason`].
    pub reason: Cow<'a, str>,
    /// JSON pointer to what was wrong, within the request or the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<Cow<'a, str>>,
    /// One sentence for a person.
    pub detail: Cow<'a, str>,
    /// The site, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<Cow<'a, str>>,
    /// The visitor whom the request named beside its hits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor_id: Option<Cow<'a, str>>,
    /// When the request said, beside its hits, that it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When it was received.
    pub time: Timestamp,
    /// Where it came from: `collect`, `access.log.gz:17`, `hits/2@991`.
    pub origin: Cow<'a, str>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Cow<'a, str>>,
    /// The beginning of what was refused, at most [`RAW_BYTES`]; bytes that are no UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Cow<'a, str>>,
    /// Whether `raw` is only the beginning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub raw_truncated: bool,
    /// xxh3-64 of all of what was refused, as 16 hexadecimal digits.
    pub raw_hash: Cow<'a, str>,
}

impl<'a> Rejection<'a> {
    /// A refusal of some bytes, of which the beginning is kept.
    pub fn new(
        reason: Reason,
        detail: impl Into<Cow<'a, str>>,
        origin: impl Into<Cow<'a, str>>,
        time: Timestamp,
        raw: &'a [u8],
    ) -> Self {
        let kept = &raw[..raw.len().min(RAW_BYTES)];
        Self {
            schema: "rejection/1".into(),
            reason: reason.as_str().into(),
            pointer: None,
            detail: detail.into(),
            site: None,
            visitor_id: None,
            sent_at: None,
            time,
            origin: origin.into(),
            ip: None,
            raw: Some(String::from_utf8_lossy(kept)),
            raw_truncated: kept.len() < raw.len(),
            raw_hash: content_hash(raw).into(),
        }
    }

    /// Names the place within what was refused.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<Cow<'a, str>>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The record's value.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a rejection has text keys and finite numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_public_json() {
        let time = Timestamp::from_millis(1_793_577_600_000);
        let rejection =
            Rejection::new(Reason::TooLong, "title is longer than 1,024 bytes", "collect", time, b"{\"a\":\xff}")
                .at("/hits/3/title");
        insta::assert_snapshot!(String::from_utf8(rejection.to_json()).unwrap());
    }

    #[test]
    fn a_long_body_is_cut_and_its_hash_is_of_the_whole() {
        let body = vec![b'x'; RAW_BYTES + 1];
        let rejection = Rejection::new(Reason::TooLarge, "too large", "collect", Timestamp::default(), &body);
        assert_eq!(rejection.raw.as_ref().unwrap().len(), RAW_BYTES);
        assert!(rejection.raw_truncated);
        assert_eq!(rejection.raw_hash, content_hash(&body));
    }
}
