//! What a request's head says of its body: in which form the hits are written, and how that was compressed.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use crate::answer::{self, Response};
use crate::encoding::{self, Encoding};

/// In which form hits are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// One JSON value: a hit, an array, an envelope.
    Json,
    /// A hit a line.
    Lines,
}

const FORMS: [(&str, Form); 4] = [
    ("application/json", Form::Json),
    // What a page may send to another origin without asking first.
    ("text/plain", Form::Json),
    ("application/x-ndjson", Form::Lines),
    ("application/ndjson", Form::Lines),
];

/// Why nothing here can read a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    /// It is of another kind.
    Kind,
    /// It is compressed in another way.
    Encoding,
}

impl Unreadable {
    /// The reason, and what could be sent instead.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Kind => (
                "unsupported_media_type",
                "send JSON as application/json or text/plain, or hits for /collect one a line as application/x-ndjson",
            ),
            Self::Encoding => (
                "unsupported_encoding",
                "send the body as it is, or with one Content-Encoding: gzip, br, zstd or deflate",
            ),
        }
    }

    /// 415, with these words.
    pub(crate) fn answer(self) -> Response {
        let (reason, detail) = self.words();
        let mut refusal = answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason, detail);
        if self == Self::Encoding {
            refusal.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding::ACCEPTED));
        }
        refusal
    }
}

/// What a head says of its body. One that says nothing has JSON: a beacon of a blob without a type is such a one.
pub(crate) fn of(head: &HeaderMap) -> Result<(Form, Option<Encoding>), Unreadable> {
    let form = match head.get(header::CONTENT_TYPE) {
        None => Form::Json,
        Some(value) => form(value).ok_or(Unreadable::Kind)?,
    };
    let encoding = Encoding::of(head).map_err(|encoding::Unknown| Unreadable::Encoding)?;
    Ok((form, encoding))
}

fn form(content_type: &HeaderValue) -> Option<Form> {
    let essence = content_type.to_str().ok()?.split(';').next()?.trim();
    FORMS.iter().find(|(name, _)| essence.eq_ignore_ascii_case(name)).map(|(_, form)| *form)
}
