//! What a setting's text may be: each parser says in one line what is wrong with it and what to write.

use std::net::SocketAddr;

use events::{Span, Topic};

use crate::units::{BadByteSize, ByteSize};

/// What Kafka takes as a name, so that it is the same everywhere.
pub(super) fn instance_id(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=100).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no name: write up to 100 letters, digits, dots, dashes and underscores"))
    }
}

/// What stands in a URL as it is, and cannot be taken for a pattern.
pub(super) fn public_path(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-');
    let fits = text.len() > 1 && text.starts_with('/') && text.bytes().all(is_plain) && !text.contains("//");
    if !fits {
        return Err(format!("`{text}` is no path: write `/` and then letters, digits, dots, dashes and underscores"));
    }
    if OTHERS.contains(&text) { Err(format!("`{text}` is taken: choose another path")) } else { Ok(text.to_owned()) }
}

/// The public port's other paths, which have names of their own.
const OTHERS: [&str; 3] = ["/pixel.gif", "/api/webeventspub", "/openapi.json"];

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address: write IP:PORT, such as 127.0.0.1:8080"))
}

pub(super) fn some_span(text: &str) -> Result<Span, String> {
    match text.parse::<Span>() {
        Ok(Span::ZERO) => Err(format!("`{text}` is too short: write at least 1ms")),
        Ok(span) => Ok(span),
        Err(error) => Err(error.to_string()),
    }
}

/// What Kafka takes in the names of topics, the longest of which must fit too.
pub(super) fn topic_prefix(text: &str) -> Result<String, String> {
    const LONGEST_NAME: usize = 249;
    let own = Topic::ALL.iter().map(|topic| topic.name().len()).max().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=LONGEST_NAME - own).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    let (text, most) = (text.chars().take(64).collect::<String>(), LONGEST_NAME - own);
    Err(format!("`{text}` begins no topic: write up to {most} letters, digits, dots, dashes and underscores"))
}

/// Longer than this, and sessions of a quiet partition would look as if they were lost.
pub(super) fn idle_interval(text: &str) -> Result<Span, String> {
    let span = some_span(text)?;
    if span <= Span::from_hours(1) { Ok(span) } else { Err(format!("`{text}` is too long: write at most 1h")) }
}

pub(super) fn at_least(text: &str, least: ByteSize) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse().map_err(|error: BadByteSize| error.to_string())?;
    if size >= least { Ok(size) } else { Err(format!("`{text}` is too little: write at least {least}")) }
}

/// A file of no bytes is none. A row a file is for tests, and for whoever wants it.
pub(super) fn file_size(text: &str) -> Result<ByteSize, String> {
    at_least(text, ByteSize::from_bytes(1))
}

/// Room for the largest request there can be, and then some.
pub(super) fn spool_size(text: &str) -> Result<ByteSize, String> {
    at_least(text, ByteSize::from_bytes(1 << 20))
}

/// A body is read into memory whole, so its size has a sane end.
pub(super) fn body_size(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse().map_err(|error: BadByteSize| error.to_string())?;
    let allowed = 1024..=64 << 20;
    if allowed.contains(&size.bytes()) { Ok(size) } else { Err(format!("`{text}` is not between 1KiB and 64MiB")) }
}

/// Batches below this would be files of a few hundred rows.
pub(super) fn lake_memory(text: &str) -> Result<ByteSize, String> {
    at_least(text, ByteSize::from_bytes(16 << 20))
}

/// With less, a busy hour's hits would go while the lake still waits for its interval.
pub(super) fn partition_size(text: &str) -> Result<ByteSize, String> {
    at_least(text, ByteSize::from_bytes(64 << 20))
}
