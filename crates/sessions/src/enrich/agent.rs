//! What a user agent says about its visitor.

use std::sync::Arc;

use events::text::write_json_str;

use super::campaign::bounded_at;
use super::device::Device;
use super::families;
use super::recent::Recent;

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

/// Agents by user agent.
#[derive(Debug)]
pub(super) struct Agents {
    unknown: Arc<Agent>,
    recent: Recent<Arc<Agent>>,
}

impl Agents {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { unknown: Arc::new(Agent::unknown()), recent: Recent::new(max_bytes, ENTRY_BYTES) }
    }

    /// The agent of nobody.
    pub(super) fn unknown(&self) -> &Arc<Agent> {
        &self.unknown
    }

    /// The agent of a user agent; `-` is how server logs write that there was none.
    #[inline]
    pub(super) fn get(&mut self, user_agent: Option<&str>) -> &Arc<Agent> {
        let user_agent = match user_agent {
            None | Some("" | "-") => return &self.unknown,
            Some(text) => bounded_at(text, MAX_USER_AGENT_BYTES),
        };
        self.recent.get(user_agent, |text| Arc::new(Agent::read(text)))
    }

    /// What is kept, by the estimate that bounds it.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.recent.bytes()
    }
}
