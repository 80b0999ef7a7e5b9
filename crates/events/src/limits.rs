//! How large, long and deep a hit may be.

use crate::time::{Span, Timestamp};

/// Bounds on one hit. Lengths are in bytes of UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longest `site` and `visitor_id`. Default 128.
    pub name_bytes: usize,
    /// Longest `type`. Default 64.
    pub type_bytes: usize,
    /// Longest `url` and `referrer`. Default 4,096.
    pub url_bytes: usize,
    /// Longest of every other text: title, language, user agent. Default 1,024.
    pub text_bytes: usize,
    /// Largest `props` as JSON text. Default 16,384.
    pub props_bytes: usize,
    /// Most keys in `props`, nested ones counted. Default 100.
    pub props_keys: usize,
    /// Deepest nesting in `props`; a flat object has depth 1. Default 5.
    pub props_depth: usize,
    /// Earliest believable client time. Default 2000-01-01.
    pub earliest: Timestamp,
    /// How far past the received time a client's clock may be before the hit is refused. Default 50 years:
    /// skew is corrected, so this only catches nonsense.
    pub furthest_ahead: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name_bytes: 128,
            type_bytes: 64,
            url_bytes: 4096,
            text_bytes: 1024,
            props_bytes: 16 * 1024,
            props_keys: 100,
            props_depth: 5,
            earliest: Timestamp::from_millis(946_684_800_000),
            furthest_ahead: Span::from_hours(24 * 365 * 50),
        }
    }
}
