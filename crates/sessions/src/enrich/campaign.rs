//! What the landing page's query says: `utm_…` parameters, and the click ids that ad networks append.

use std::borrow::Cow;

use memchr::memchr;
use percent_encoding::percent_decode_str;

/// Longer values are cut here, at a character's start.
pub(crate) const MAX_VALUE_BYTES: usize = 256;

/// The parameters of a campaign, decoded. The first that is not empty counts.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub(super) struct Campaign<'a> {
    pub(super) source: Option<Cow<'a, str>>,
    pub(super) medium: Option<Cow<'a, str>>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) term: Option<Cow<'a, str>>,
    pub(super) content: Option<Cow<'a, str>>,
    pub(super) click: Option<&'static Click>,
}

/// A parameter that an ad network, or a social network, appends to the links on its pages.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Click {
    parameter: &'static str,
    /// The source that it means.
    pub(super) source: &'static str,
    /// The medium that it means.
    pub(super) medium: &'static str,
}

/// `fbclid` marks every link on Facebook and Instagram, paid or not, so it tells the source alone; `dclid` is a
/// display ad's.
static CLICKS: [Click; 12] = [
    Click { parameter: "gclid", source: "google", medium: "cpc" },
    Click { parameter: "gbraid", source: "google", medium: "cpc" },
    Click { parameter: "wbraid", source: "google", medium: "cpc" },
    Click { parameter: "dclid", source: "google", medium: "display" },
    Click { parameter: "msclkid", source: "bing", medium: "cpc" },
    Click { parameter: "yclid", source: "yandex", medium: "cpc" },
    Click { parameter: "fbclid", source: "facebook", medium: "social" },
    Click { parameter: "ttclid", source: "tiktok", medium: "cpc" },
    Click { parameter: "twclid", source: "twitter", medium: "cpc" },
    Click { parameter: "li_fat_id", source: "linkedin", medium: "cpc" },
    Click { parameter: "rdt_cid", source: "reddit", medium: "cpc" },
    Click { parameter: "ScCid", source: "snapchat", medium: "cpc" },
];

/// The letters that `utm_…` and the click ids begin with.
const FIRST_LETTERS: [u8; 11] = *b"ugwdmyftlrS";

impl<'a> Campaign<'a> {
    /// Reads a query; `None` where it names no campaign parameter at all.
    pub(super) fn read(mut query: &'a str) -> Option<Self> {
        let mut campaign: Option<Self> = None;
        while !query.is_empty() {
            let end = memchr(b'&', query.as_bytes()).unwrap_or(query.len());
            let pair = &query[..end];
            query = query.get(end + 1..).unwrap_or_default();
            // Links are often copied out of HTML together with their `&amp;`.
            let pair = pair.strip_prefix("amp;").unwrap_or(pair);
            // Most parameters are the site's own: their first letter tells.
            if pair.bytes().next().is_some_and(|first| FIRST_LETTERS.contains(&first)) {
                campaign.get_or_insert_default().take(pair);
            }
        }
        campaign.filter(|campaign| *campaign != Self::default())
    }

    fn take(&mut self, pair: &'a str) {
        let Some((name, value)) = pair.split_once('=') else { return };
        let Some(utm) = name.strip_prefix("utm_") else {
            if self.click.is_none() && !value.is_empty() {
                self.click = CLICKS.iter().find(|click| click.parameter == name);
            }
            return;
        };
        let field = match utm {
            "source" => &mut self.source,
            "medium" => &mut self.medium,
            "campaign" => &mut self.name,
            "term" => &mut self.term,
            "content" => &mut self.content,
            _ => return,
        };
        if field.is_none() {
            *field = decode(value);
        }
    }
}

/// A value as the marketer wrote it: percent and plus decoded, trimmed, bounded. Its case is kept.
fn decode(value: &str) -> Option<Cow<'_, str>> {
    let is_plain = value.bytes().all(|byte| byte != b'%' && byte != b'+' && !byte.is_ascii_control());
    if is_plain {
        let value = bounded(value.trim());
        return (!value.is_empty()).then_some(Cow::Borrowed(value));
    }
    // What is decoded shrinks to a third at most; so cut generously first, and no long text is worked through.
    let spaced = bounded_at(value, 4 * MAX_VALUE_BYTES).replace('+', " ");
    let text = percent_decode_str(&spaced).decode_utf8_lossy().replace(char::is_control, " ");
    let text = bounded(text.trim());
    (!text.is_empty()).then(|| Cow::Owned(text.to_owned()))
}

fn bounded(text: &str) -> &str {
    bounded_at(text, MAX_VALUE_BYTES).trim_end()
}

/// The text's beginning of at most so many bytes.
pub(super) fn bounded_at(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_click_id_is_seen() {
        for click in &CLICKS {
            let query = format!("color=7&{}=abc", click.parameter);
            assert_eq!(Campaign::read(&query).and_then(|campaign| campaign.click), Some(click));
        }
        assert_eq!(Campaign::read("gclid=&utm_source=&gcl=1&fbclid"), None);
    }
}
