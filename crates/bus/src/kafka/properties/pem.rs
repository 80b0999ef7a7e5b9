//! Certificates and keys that stand in a file of settings themselves.

/// Gives PEM its line breaks back. In a properties file a block may stand on one line, or be continued by backslashes,
/// which leaves blanks or nothing where OpenSSL wants line breaks.
pub(super) fn with_line_breaks(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut rest = text;
    while let Some((label, body, after)) = block(rest) {
        out.push_str(&format!("-----BEGIN {label}-----\n"));
        if body.contains(':') {
            // A header of the old encrypted form: its lines mean something.
            out.push_str(body.trim());
            out.push('\n');
        } else {
            let body: Vec<char> = body.chars().filter(|char| !char.is_whitespace()).collect();
            for line in body.chunks(64) {
                out.extend(line);
                out.push('\n');
            }
        }
        out.push_str(&format!("-----END {label}-----\n"));
        rest = after;
    }
    if out.is_empty() { text.to_owned() } else { out }
}

/// The label and the body of the first block, and what comes after it.
fn block(text: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    let (_, rest) = rest.split_once("-----")?;
    Some((label, body, rest))
}
