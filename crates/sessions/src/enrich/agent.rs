//! What a user agent says about its visitor, and a bounded memory of what was asked lately.

use std::mem;
use std::sync::Arc;

use events::text::write_json_str;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::campaign::bounded_at;
use super::device::Device;
use super::families;

/// A longer user agent is cut here before anything looks at it.
const MAX_USER_AGENT_BYTES: usize = 1_024;

/// What an entry costs beside its text: the slot and its share of empty ones, the agent, its two names and its JSON.
const ENTRY_BYTES: usize = 288;

/// Browser, system and device of a visitor. Versions are left out: reports group by family.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Agent {
    /// uap-core's family: `Chrome`, `Mobile Safari`, `Googlebot`.
    pub browser: Option<Box<str>>,
    /// uap-core's family: `Windows`, `iOS`.
    pub os: Option<Box<str>>,
    /// The kind of device.
    pub device: Device,
    /// Whether it is a program and no person.
    pub is_bot: bool,
    /// See [`Agent::json`].
    json: Box<str>,
}

impl Agent {
    /// An agent.
    pub fn new(browser: Option<Box<str>>, os: Option<Box<str>>, device: Device, is_bot: bool) -> Self {
        let mut json = Vec::with_capacity(80);
        for (name, text) in [("browser", &browser), ("os", &os)] {
            if let Some(text) = text {
                json.extend_from_slice(format!(",\"{name}\":").as_bytes());
                write_json_str(&mut json, text);
            }
        }
        json.extend_from_slice(format!(",\"device\":\"{}\",\"is_bot\":{is_bot}", device.as_str()).as_bytes());
        let json = String::from_utf8(json).expect("JSON is UTF-8").into_boxed_str();
        Self { browser, os, device, is_bot, json }
    }

    /// Without a user agent nothing is known, and nobody is called a bot for what he does not say.
    pub fn unknown() -> Self {
        Self::new(None, None, Device::Other, false)
    }

    /// `,"browser":"Chrome","os":"Windows","device":"desktop","is_bot":false`, as it stands in every record that
    /// names an agent.
    pub(crate) fn json(&self) -> &[u8] {
        self.json.as_bytes()
    }

    fn read(user_agent: &str) -> Self {
        let families = families::of(user_agent);
        let device = Device::of(user_agent, families.os.as_deref());
        Self::new(families.browser, families.os, device, families.is_bot)
    }
}

/// Whether a user agent is a program's and no person's: what enriched hits say of it as `is_bot`, without a cache.
pub fn is_bot(user_agent: &str) -> bool {
    families::is_bot(bounded_at(user_agent, MAX_USER_AGENT_BYTES))
}

/// Agents by user agent, in two generations: when the young one is full it becomes the old one, and what the old one
/// held is forgotten unless it was asked for again in the meantime.
#[derive(Debug)]
pub(super) struct Agents {
    unknown: Arc<Agent>,
    young: Generation,
    old: Generation,
    max_generation_bytes: usize,
}

#[derive(Default, Debug)]
struct Generation {
    entries: HashTable<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    user_agent: Box<str>,
    agent: Arc<Agent>,
}

impl Agents {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            unknown: Arc::new(Agent::unknown()),
            young: Generation::default(),
            old: Generation::default(),
            max_generation_bytes: max_bytes / 2,
        }
    }

    /// The agent of nobody.
    pub(super) fn unknown(&self) -> &Arc<Agent> {
        &self.unknown
    }

    /// The agent of a user agent; `-` is how server logs write that there was none.
    pub(super) fn get(&mut self, user_agent: Option<&str>) -> &Arc<Agent> {
        let user_agent = match user_agent {
            None | Some("" | "-") => return &self.unknown,
            Some(text) => bounded_at(text, MAX_USER_AGENT_BYTES),
        };
        let hash = xxh3_64(user_agent.as_bytes());
        let is_it = |entry: &Entry| entry.hash == hash && *entry.user_agent == *user_agent;
        let index = match self.young.entries.find_bucket_index(hash, is_it) {
            Some(index) => index,
            None => {
                let entry = match self.old.entries.find_entry(hash, is_it) {
                    Ok(found) => found.remove().0,
                    Err(_) => Entry { hash, user_agent: user_agent.into(), agent: Arc::new(Agent::read(user_agent)) },
                };
                self.keep(entry)
            }
        };
        &self.young.entries.get_bucket(index).expect("it was found or put there").agent
    }

    /// What both generations hold, by the estimate that bounds them.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.young.bytes + self.old.bytes
    }

    fn keep(&mut self, entry: Entry) -> usize {
        let bytes = ENTRY_BYTES + entry.user_agent.len();
        if self.young.bytes + bytes > self.max_generation_bytes {
            self.old = mem::take(&mut self.young);
        }
        self.young.bytes += bytes;
        self.young.entries.insert_unique(entry.hash, entry, |entry| entry.hash).bucket_index()
    }
}
