//! Reads `sites.toml` and says everything that is wrong with it, each thing with its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::address::IpPolicy;
use crate::problem::Problem;
use crate::site::{Automated, Identity, PrivacyPolicy, SchemaFile, Site, UnknownFields};

/// The keys of a site.
const KEYS: [&str; 15] = [
    "origins",
    "write_key",
    "ip",
    "secret_key",
    "identity",
    "privacy",
    "unknown_fields",
    "quota",
    "bots",
    "prefetch",
    "exclude_hosts",
    "exclude_addresses",
    "time_zone",
    "keep_rejected",
    "schemas",
];

/// The most hits a second that a quota may allow: over that it is none.
const MOST: u32 = 10_000_000;

const AUTOMATED: [(&str, Automated); 2] = [("flag", Automated::Flag), ("drop", Automated::Drop)];

/// Reads the sites, or finds what is wrong.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Site>, Vec<Problem>> {
    let mut reading = Reading { text, problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reading.say(error.span().unwrap_or_default(), "", error.message().replace('\n', "; "));
    }
    if !reading.problems.is_empty() {
        // What was recovered of a file that is no TOML would bring errors that are none.
        return Err(reading.problems);
    }
    let sites = reading.file(table.get_ref());
    reading.problems.sort();
    if reading.problems.is_empty() { Ok(sites) } else { Err(reading.problems) }
}

struct Reading<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

type Value<'v> = Spanned<DeValue<'v>>;

impl Reading<'_> {
    fn say(&mut self, place: Range<usize>, key: &str, detail: impl Into<String>) {
        let line = self.line(&place);
        self.problems.push(Problem { line, key: key.to_owned(), detail: detail.into() });
    }

    fn line(&self, place: &Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..place.start.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    fn file(&mut self, table: &DeTable<'_>) -> BTreeMap<String, Site> {
        let mut sites = BTreeMap::new();
        for (key, value) in table {
            if key.get_ref() != "sites" {
                self.say(
                    key.span(),
                    key.get_ref(),
                    "there is no such key; sites are written as [sites.\"shop.example\"]",
                );
                continue;
            }
            let Some(named) = self.table("sites", value) else { continue };
            for (name, value) in named {
                let path = format!("sites.{:?}", name.get_ref());
                let is_name = (1..=128).contains(&name.get_ref().len())
                    && name.get_ref().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
                if !is_name {
                    self.say(name.span(), &path, "a site's name is 1 to 128 visible ASCII characters without `/`");
                }
                if let Some(table) = self.table(&path, value) {
                    let site = self.site(&path, table);
                    sites.insert(name.get_ref().to_string(), site);
                }
            }
        }
        sites
    }

    fn site(&mut self, path: &str, table: &DeTable<'_>) -> Site {
        let mut site = Site::silent();
        for (key, value) in table {
            let key_path = format!("{path}.{}", key.get_ref());
            let path = key_path.as_str();
            match key.get_ref().as_ref() {
                "origins" => site.origins = self.list(path, value),
                "write_key" => site.write_key = self.parsed::<WriteKey>(path, value).map(|key| key.0),
                "ip" => {
                    let words =
                        [("full", IpPolicy::Full), ("truncated", IpPolicy::Truncated), ("none", IpPolicy::None)];
                    site.ip = self.word(path, value, &words);
                }
                "secret_key" => site.secret_key = self.parsed(path, value),
                "identity" => {
                    let words = [
                        ("tracker", Identity::Tracker),
                        ("cookie", Identity::Cookie),
                        ("cookieless", Identity::Cookieless),
                    ];
                    site.identity = self.word(path, value, &words);
                }
                "privacy" => {
                    let words = [
                        ("anonymous", PrivacyPolicy::Anonymous),
                        ("drop", PrivacyPolicy::Drop),
                        ("ignore", PrivacyPolicy::Ignore),
                    ];
                    site.privacy = self.word(path, value, &words);
                }
                "unknown_fields" => {
                    let words = [("reject", UnknownFields::Reject), ("props", UnknownFields::Props)];
                    site.unknown_fields = self.word(path, value, &words);
                }
                "quota" => site.quota = self.quota(path, value),
                "bots" => site.bots = self.word(path, value, &AUTOMATED),
                "prefetch" => site.prefetch = self.word(path, value, &AUTOMATED),
                "exclude_hosts" => {
                    site.exclude_hosts = self.list::<Host>(path, value).into_iter().map(|host| host.0).collect();
                }
                "exclude_addresses" => site.exclude_addresses = self.list(path, value),
                "time_zone" => site.time_zone = self.time_zone(path, value),
                "keep_rejected" => site.keep_rejected = self.yes_or_no(path, value),
                "schemas" => site.schemas = self.schemas(path, value),
                other => {
                    let detail = format!("there is no key `{other}`; a site has {}", KEYS.join(", "));
                    self.say(key.span(), path, detail);
                }
            }
        }
        site
    }

    fn table<'v, 'd>(&mut self, path: &str, value: &'v Value<'d>) -> Option<&'v DeTable<'d>> {
        let table = value.get_ref().as_table();
        self.expect(path, value, table, "a table")
    }

    fn text<'v>(&mut self, path: &str, value: &'v Value<'_>) -> Option<&'v str> {
        let text = value.get_ref().as_str().filter(|text| !text.is_empty());
        self.expect(path, value, text, "a text that is not empty")
    }

    fn yes_or_no(&mut self, path: &str, value: &Value<'_>) -> bool {
        let yes = value.get_ref().as_bool();
        self.expect(path, value, yes, "true or false").unwrap_or_default()
    }

    fn expect<T>(&mut self, path: &str, value: &Value<'_>, found: Option<T>, wanted: &str) -> Option<T> {
        if found.is_none() {
            self.say(value.span(), path, format!("write {wanted}; this is of type {}", value.get_ref().type_str()));
        }
        found
    }

    fn word<T: Copy + Default>(&mut self, path: &str, value: &Value<'_>, words: &[(&str, T)]) -> T {
        let said = value.get_ref().as_str();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| Some(*word) == said) {
            return *meaning;
        }
        let all: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.say(value.span(), path, format!("write one of {}", all.join(", ")));
        T::default()
    }

    fn list<T: FromStr<Err = &'static str>>(&mut self, path: &str, value: &Value<'_>) -> Vec<T> {
        let array = value.get_ref().as_array();
        let mut list = Vec::new();
        for item in self.expect(path, value, array, "a list of texts").into_iter().flat_map(|array| array.iter()) {
            list.extend(self.parsed(path, item));
        }
        list
    }

    fn parsed<T: FromStr<Err = &'static str>>(&mut self, path: &str, value: &Value<'_>) -> Option<T> {
        match self.text(path, value)?.parse() {
            Ok(parsed) => Some(parsed),
            Err(detail) => {
                self.say(value.span(), path, detail);
                None
            }
        }
    }

    fn quota(&mut self, path: &str, value: &Value<'_>) -> Option<u32> {
        let number = value.get_ref().as_integer().and_then(|number| number.as_str().parse().ok());
        let number = number.filter(|number| (1..=MOST).contains(number));
        if number.is_none() {
            self.say(value.span(), path, format!("write hits a second, a whole number from 1 to {MOST}"));
        }
        number
    }

    fn schemas(&mut self, path: &str, value: &Value<'_>) -> BTreeMap<String, SchemaFile> {
        let mut schemas = BTreeMap::new();
        for (event, file) in self.table(path, value).into_iter().flatten() {
            let event_path = format!("{path}.{:?}", event.get_ref());
            if let Err(detail) = is_event(event.get_ref()) {
                self.say(event.span(), &event_path, detail);
            }
            if let Some(name) = self.text(&event_path, file) {
                let file = SchemaFile { path: name.to_owned(), line: self.line(&file.span()) };
                schemas.insert(event.get_ref().to_string(), file);
            }
        }
        schemas
    }

    /// The form alone: which names there are, the machine's tables say.
    fn time_zone(&mut self, path: &str, value: &Value<'_>) -> Option<String> {
        let name = self.text(path, value)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte);
        if name == "UTC" || (name.contains('/') && name.bytes().all(is_plain)) {
            return Some(name.to_owned());
        }
        self.say(value.span(), path, "write an IANA name, such as Europe/Berlin or UTC");
        None
    }
}

/// Whether a text names a custom event, or one version of it.
fn is_event(text: &str) -> Result<(), &'static str> {
    let (name, version) = text.split_once('/').unwrap_or((text, "1"));
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte);
    let is_number = version.parse::<u64>().is_ok_and(|number| number.to_string() == version);
    if name.is_empty() || !name.bytes().all(is_plain) || !is_number {
        return Err("write an event's name, or name and version as in \"purchase/2\"");
    }
    if ["pageview", "engagement", "request"].contains(&name) {
        return Err("this is no custom event: what its hits look like is given");
    }
    Ok(())
}

/// A key that stands in a query as it is.
struct WriteKey(String);

impl FromStr for WriteKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let fits = text.len() <= 256 && text.bytes().all(is_plain);
        if fits { Ok(Self(text.to_owned())) } else { Err("write up to 256 letters, digits, and any of - . _ ~") }
    }
}

/// A host's name, in lower case.
struct Host(String);

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        if text.bytes().all(is_plain) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("write a host, such as test.shop.example")
        }
    }
}

#[cfg(test)]
mod tests;
