//! What a line of a server's log means: who it was, and whether it was a page.

use std::borrow::Cow;

use bytes::Bytes;
use events::text::write_json_str;
use events::{Invalid, Limits, NewHit, Reason, Uuid, ids};
use xxhash_rust::xxh3::Xxh3;

use super::access_log::AccessLine;
use super::format::ReadHit;

/// Endings of paths that are no pages: what a page loads, and what is downloaded. The list is GoAccess's
/// `static-file`, with the newer image and font formats.
const STATIC: &[&str] = &[
    "css", "js", "mjs", "map", "json", "xml", "txt", "csv", "wasm", //
    "png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "bmp", "tif", "tiff", //
    "woff", "woff2", "ttf", "otf", "eot", //
    "mp3", "mp4", "m4a", "m4v", "ogg", "ogv", "oga", "wav", "flac", "webm", "mpg", "mpeg", "avi", "mov", "mkv", "flv",
    "swf", //
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "epub", //
    "zip", "gz", "tgz", "bz2", "xz", "zst", "tar", "rar", "7z", "exe", "msi", "dmg", "iso", "deb", "rpm", "apk", "jar",
    "bin",
];

/// Makes a hit of a line.
///
/// - The visitor is a hash of address and user agent; where the format has no user agent, of the address alone.
/// - A GET with status 200 to 399 of a path that is no static asset is a `pageview`, all else is a `request`.
/// - `url` is the request's target as it stands: the log does not know the host.
pub fn read(line: &AccessLine<'_>, hit_id: Uuid, site: &str, limits: &Limits) -> Result<ReadHit, Invalid> {
    let request = line.request.as_deref().and_then(Request::parse);
    let url = request.as_ref().map(|request| request.target).filter(|target| is_url(target));
    let is_page = request.as_ref().is_some_and(|request| request.method == "GET")
        && (200..400).contains(&line.status)
        && url.is_some_and(|url| !is_static(path(url)));

    let visitor_id = ids::visitor_of(line.host.as_deref().unwrap_or("-"), line.user_agent.as_deref());
    let props = props(line, request.as_ref());
    let mut hit = NewHit::new(hit_id, site, if is_page { "pageview" } else { "request" }, line.time, line.time);
    hit.visitor_id = Some(&visitor_id);
    hit.user_id = bounded("user_id", &line.user, limits.name_bytes)?;
    hit.url = match url {
        Some(url) => bounded("url", &Some(Cow::Borrowed(url)), limits.url_bytes)?.and(Some(url)),
        None => bounded("props/request", &line.request, limits.url_bytes)?.and(None),
    };
    hit.referrer = bounded("referrer", &line.referrer, limits.url_bytes)?;
    hit.user_agent = bounded("user_agent", &line.user_agent, limits.text_bytes)?;
    hit.ip = bounded("ip", &line.host, limits.text_bytes)?;
    hit.props = Some(&props);
    Ok(ReadHit { time: line.time, key: Bytes::from(hit.key()), value: Bytes::from(hit.to_json()) })
}

/// `GET /path HTTP/1.1`. HTTP/0.9 has no version; a target may hold spaces.
struct Request<'a> {
    method: &'a str,
    target: &'a str,
}

impl<'a> Request<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (method, rest) = line.split_once(' ')?;
        let is_token = (1..=32).contains(&method.len())
            && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let target = match rest.rsplit_once(' ') {
            Some((target, version)) if version.starts_with("HTTP/") => target,
            _ => rest,
        };
        (is_token && !target.is_empty()).then_some(Self { method, target })
    }
}

/// A path, or a URL as proxies are asked for it; not `*` and not `host:443`.
fn is_url(target: &str) -> bool {
    target.starts_with('/') || target.contains("://")
}

/// The path of a URL or of a path with a query.
fn path(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((_, behind)) if !url.starts_with('/') => behind.find('/').map_or("/", |at| &behind[at..]),
        _ => url,
    }
}

fn is_static(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').is_some_and(|(_, ending)| STATIC.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// `{"method","status","bytes"}`, and the `request` as it stands where no URL could be read from it.
fn props(line: &AccessLine<'_>, request: Option<&Request<'_>>) -> Box<serde_json::value::RawValue> {
    let mut json = Vec::with_capacity(64);
    json.extend_from_slice(b"{");
    if let Some(request) = request {
        json.extend_from_slice(b"\"method\":");
        write_json_str(&mut json, request.method);
        json.extend_from_slice(b",");
    }
    json.extend_from_slice(format!("\"status\":{}", line.status).as_bytes());
    if let Some(bytes) = line.bytes {
        json.extend_from_slice(format!(",\"bytes\":{bytes}").as_bytes());
    }
    if let Some(text) = &line.request
        && !request.is_some_and(|request| is_url(request.target))
    {
        json.extend_from_slice(b",\"request\":");
        write_json_str(&mut json, text);
    }
    json.extend_from_slice(b"}");
    let json = String::from_utf8(json).expect("JSON made of strings and numbers is UTF-8");
    serde_json::value::RawValue::from_string(json).expect("an object of strings and numbers is JSON")
}

fn bounded<'a>(name: &str, text: &'a Option<Cow<'_, str>>, most: usize) -> Result<Option<&'a str>, Invalid> {
    let Some(text) = text else { return Ok(None) };
    if text.len() > most {
        let detail = format!("`{name}` is {} bytes long; the limit is {most}", text.len());
        return Err(Invalid::new(Reason::TooLong, format!("/{name}"), detail));
    }
    Ok(Some(text))
}

/// The id of the hit that a line makes: the same in every run over the same input, and another one for an equal
/// line elsewhere. A UUID of version 8 from xxh3-128, seed 0, of file number, line number (both little-endian)
/// and line.
pub fn line_id(file: u32, number: u64, line: &[u8]) -> Uuid {
    let mut hasher = Xxh3::new();
    hasher.update(&file.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(line);
    uuid::Builder::from_custom_bytes(hasher.digest128().to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests;
