//! What a token says about itself. Nobody checks its signature here: that is the broker's work.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The claims that are of use to who shows a token.
#[derive(Deserialize, Default, PartialEq, Debug)]
pub(super) struct Claims {
    /// When it ends, in seconds since 1970.
    #[serde(default, deserialize_with = "seconds")]
    pub(super) exp: Option<u64>,
    /// Who it is about.
    pub(super) sub: Option<String>,
}

/// Of a token that is a JWT; of any other, none.
pub(super) fn of(token: &str) -> Claims {
    let payload = token.split('.').nth(1).map(|payload| payload.trim_end_matches('='));
    let json = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

/// A number of JSON, which may have a fraction.
fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64))
}
