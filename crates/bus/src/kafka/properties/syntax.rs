//! Java's properties syntax, as `java.util.Properties` reads it, except that the file is UTF-8.

/// One `key=value` of a file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line that it begins on, from 1.
    pub(super) line: usize,
    pub(super) key: String,
    /// Without white space around it, as Kafka's own clients read it.
    pub(super) value: String,
}

/// A `\u` that no four hexadecimal digits follow, or half of a surrogate pair; the line that it is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BadEscape(pub(super) usize);

/// Reads a file, in its order.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, BadEscape> {
    let mut entries = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.split('\n').enumerate();
    while let Some((at, first)) = lines.next() {
        let first = first.trim_start_matches(is_space);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = first.to_owned();
        while ends_in_a_lone_backslash(&whole) {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.push_str(next.trim_start_matches(is_space));
        }
        let (key, value) = split(&whole);
        let line = at + 1;
        let unescape = |raw| unescape(raw).ok_or(BadEscape(line));
        entries.push(Entry { line, key: unescape(key)?, value: unescape(value)?.trim().to_owned() });
    }
    Ok(entries)
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\u{c}')
}

fn ends_in_a_lone_backslash(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// The key ends at the first `=`, `:` or white space without a backslash before it.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|char| {
        let ends = !escaped && (is_space(char) || matches!(char, '=' | ':'));
        escaped = !escaped && char == '\\';
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(is_space);
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(is_space))
}

fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match chars.next() {
            Some('t') => text.push('\t'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('f') => text.push('\u{c}'),
            Some('u') => {
                let mut units = vec![code_unit(&mut chars)?];
                // A character beyond the first 65,536 is written as two units.
                if (0xD800..0xDC00).contains(&units[0]) {
                    chars.next().filter(|char| *char == '\\')?;
                    chars.next().filter(|char| *char == 'u')?;
                    units.push(code_unit(&mut chars)?);
                }
                text.push_str(&String::from_utf16(&units).ok()?);
            }
            Some(other) => text.push(other),
            None => {}
        }
    }
    Some(text)
}

fn code_unit(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit << 4 | u16::try_from(chars.next()?.to_digit(16)?).ok()?;
    }
    Some(unit)
}
