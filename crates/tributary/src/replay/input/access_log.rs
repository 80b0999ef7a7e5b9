//! The grammar of Apache's and nginx's `common` and `combined` log lines, and nothing of their meaning.
//!
//! ```text
//! common:   host ident user [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 2326
//! combined: … "https://where.from/" "Mozilla/5.0 …"
//! ```
//!
//! What a server appends behind these fields (nginx's `"$http_x_forwarded_for"`, say) is passed over.

use std::borrow::Cow;
use std::fmt::Write;

use events::{Span, Timestamp};
use memchr::{memchr, memchr2};

/// The fields of a line. `None` is a `-`.
#[derive(PartialEq, Eq, Debug)]
pub struct AccessLine<'a> {
    /// The client's address, or its name where the server looks names up.
    pub host: Option<Cow<'a, str>>,
    /// Who logged in.
    pub user: Option<Cow<'a, str>>,
    /// When the request came.
    pub time: Timestamp,
    /// The request's first line.
    pub request: Option<Cow<'a, str>>,
    /// The answer's status.
    pub status: u16,
    /// The answer's size in bytes.
    pub bytes: Option<u64>,
    /// Where the visitor came from.
    pub referrer: Option<Cow<'a, str>>,
    /// The browser's own words.
    pub user_agent: Option<Cow<'a, str>>,
}

/// Reads a line. `combined` asks for referrer and user agent. The error says which field has not its form.
pub fn parse(line: &[u8], combined: bool) -> Result<AccessLine<'_>, &'static str> {
    let (host, rest) = word(line).ok_or("it has no fields")?;
    let (_ident, rest) = word(rest).ok_or("nothing follows the host")?;
    let (user, time, rest) = user_and_time(rest)?;
    let (request, rest) = quoted(rest).ok_or("the request is not in closed quotation marks")?;
    let (status, rest) = word(rest).unwrap_or((rest, b""));
    let status = three_digits(status).ok_or("the status is not three digits")?;
    let (bytes, rest) = word(rest).unwrap_or((rest, b""));
    let bytes = match bytes {
        b"-" => None,
        digits => Some(number(digits).ok_or("the size is neither a number nor `-`")?),
    };
    let (referrer, user_agent) = if combined {
        let (referrer, rest) = quoted(rest).ok_or(NO_REFERRER)?;
        let (user_agent, _) = quoted(rest).ok_or("the user agent is not in closed quotation marks")?;
        (referrer, user_agent)
    } else {
        (&b"-"[..], &b"-"[..])
    };
    Ok(AccessLine {
        host: field(host),
        user: field(user),
        time,
        request: field(request),
        status,
        bytes,
        referrer: field(referrer),
        user_agent: field(user_agent),
    })
}

const NO_REFERRER: &str = "no referrer in closed quotation marks follows the size; is the format `common`?";

/// The bytes up to the next space, and what follows it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr(b' ', text)?;
    (at > 0).then(|| (&text[..at], &text[at + 1..]))
}

/// The bytes between quotation marks, and what follows. A backslash keeps the next byte from ending them.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', &text[from..])?;
        if text[at] == b'\\' {
            from = at + 2;
            if from > text.len() {
                return None;
            }
            continue;
        }
        return match &text[at + 1..] {
            [] => Some((&text[..at], b"")),
            [b' ', rest @ ..] => Some((&text[..at], rest)),
            _ => None,
        };
    }
}

/// The user's name may hold spaces and brackets; it ends where ` [` begins a time.
fn user_and_time(text: &[u8]) -> Result<(&[u8], Timestamp, &[u8]), &'static str> {
    const NO_TIME: &str = "it has no time of the form [17/May/2015:10:05:03 +0000]";
    let mut from = 0;
    loop {
        let at = from + memchr(b'[', &text[from..]).ok_or(NO_TIME)?;
        let user = &text[..at];
        if user.ends_with(b" ")
            && let Some((inside, rest)) = text[at + 1..].split_first_chunk::<26>()
            && let Some(rest) = rest.strip_prefix(b"] ")
            && let Some(time) = moment(inside)
        {
            return Ok((&user[..user.len() - 1], time, rest));
        }
        from = at + 1;
    }
}

/// Reads `17/May/2015:10:05:03 +0000`.
fn moment(text: &[u8; 26]) -> Option<Timestamp> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = 1 + MONTHS.chunks_exact(3).position(|name| *name == text[3..6])? as u8;
    // RFC 3339 has the same digits in another order; whether they make a day and a time is decided there.
    let mut rfc3339 = *b"yyyy-mm-ddThh:mm:ss.000Z";
    rfc3339[0..4].copy_from_slice(&text[7..11]);
    rfc3339[5..7].copy_from_slice(&[b'0' + month / 10, b'0' + month % 10]);
    rfc3339[8..10].copy_from_slice(&text[0..2]);
    rfc3339[11..19].copy_from_slice(&text[12..20]);
    let local: Timestamp = std::str::from_utf8(&rfc3339).ok()?.parse().ok()?;
    let separators = [text[2], text[6], text[11], text[14], text[17], text[20]];
    if separators != *b"//::: " {
        return None;
    }
    let (hours, minutes) = (number(&text[22..24])?, number(&text[24..26])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let east = Span::from_mins((hours * 60 + minutes) as i64);
    match text[21] {
        b'+' => Some(local - east),
        b'-' => Some(local + east),
        _ => None,
    }
}

fn three_digits(text: &[u8]) -> Option<u16> {
    (text.len() == 3).then(|| number(text)).flatten().map(|status| status as u16)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

/// A field as text: `-` and nothing are `None`, escapes are undone. Where that gives no printable UTF-8, the
/// field stays as the server wrote it, and bytes that it should have escaped become `\xhh`, as Apache does it.
fn field(raw: &[u8]) -> Option<Cow<'_, str>> {
    if matches!(raw, b"" | b"-") {
        return None;
    }
    if memchr(b'\\', raw).is_none() {
        return Some(printable(raw).map_or_else(|| Cow::Owned(escape(raw)), Cow::Borrowed));
    }
    let plain = unescape(raw);
    Some(Cow::Owned(printable(&plain).map_or_else(|| escape(raw), str::to_owned)))
}

fn printable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let printable = if text.is_ascii() {
        text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    } else {
        !text.chars().any(char::is_control)
    };
    printable.then_some(text)
}

/// Undoes Apache's and nginx's escapes: `\"`, `\\`, `\xhh`, and the letters of C.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, behind)) = rest.split_first() {
        let (byte, length) = match behind {
            _ if byte != b'\\' => (byte, 1),
            [b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), 4)
            }
            [b'n', ..] => (b'\n', 2),
            [b'r', ..] => (b'\r', 2),
            [b't', ..] => (b'\t', 2),
            [b'v', ..] => (0x0b, 2),
            [b'b', ..] => (0x08, 2),
            [mark @ (b'"' | b'\\'), ..] => (*mark, 2),
            _ => (byte, 1),
        };
        plain.push(byte);
        rest = &rest[length..];
    }
    plain
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or_default() as u8
}

fn escape(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len() + 16);
    for &byte in raw {
        if (0x20..0x7f).contains(&byte) {
            text.push(byte as char);
        } else {
            write!(text, "\\x{byte:02x}").expect("writing to memory does not fail");
        }
    }
    text
}

#[cfg(test)]
mod tests;
