//! What a user agent says about its visitor.

use events::text::write_json_str;

use super::campaign::bounded_at;
use super::device::Device;
use super::families;
use super::recent::{Recent, hash};
use crate::fragment::{self, Fragment};
use crate::numbered::{Number, Numbered};

/// A longer user agent is cut here before anything looks at it.
const MAX_USER_AGENT_BYTES: usize = 1_024;

/// What an entry costs beside its text: the slot and its share of empty ones, the agent, its two names and its JSON.
const ENTRY_BYTES: usize = 344;

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
    json: Fragment,
}

impl Agent {
    /// An agent.
    pub fn new(browser: Option<Box<str>>, os: Option<Box<str>>, device: Device, is_bot: bool) -> Self {
        let mut json = Vec::with_capacity(fragment::USUAL);
        for (name, text) in [("browser", &browser), ("os", &os)] {
            if let Some(text) = text {
                json.extend_from_slice(format!(",\"{name}\":").as_bytes());
                write_json_str(&mut json, text);
            }
        }
        json.extend_from_slice(format!(",\"device\":\"{}\",\"is_bot\":{is_bot}", device.as_str()).as_bytes());
        Self { browser, os, device, is_bot, json: Fragment::new(json) }
    }

    /// Without a user agent nothing is known, and nobody is called a bot for what he does not say.
    pub fn unknown() -> Self {
        Self::new(None, None, Device::Other, false)
    }

    /// `,"browser":"Chrome","os":"Windows","device":"desktop","is_bot":false`, as it stands in every record that
    /// names an agent.
    pub(crate) fn json(&self) -> &Fragment {
        &self.json
    }

    fn read(user_agent: &str) -> Self {
        let families = families::of(user_agent);
        let device = Device::of(user_agent, families.os.as_deref());
        Self::new(families.browser, families.os, device, families.is_bot)
    }
}

/// What a hit says of its user agent; `-` is how server logs write that there was none.
#[inline]
fn said(user_agent: Option<&str>) -> Option<&str> {
    user_agent.filter(|text| !matches!(*text, "" | "-")).map(|text| bounded_at(text, MAX_USER_AGENT_BYTES))
}

/// Whether a user agent is a program's and no person's: what enriched hits say of it as `is_bot`, without a cache.
pub fn is_bot(user_agent: &str) -> bool {
    families::is_bot(bounded_at(user_agent, MAX_USER_AGENT_BYTES))
}

/// Agents by user agent, and those that sessions have.
#[derive(Debug)]
pub(crate) struct Agents {
    recent: Recent<Number>,
    all: Numbered<Agent>,
    unknown: Number,
    /// Room for [`Agents::of_all`].
    asked: Vec<Asked>,
}

/// A user agent that is looked up together with others.
#[derive(Clone, Copy, Debug)]
struct Asked {
    hash: u64,
    /// Where its agent may stand.
    place: Option<usize>,
}

impl Agents {
    pub(super) fn new(max_bytes: usize) -> Self {
        let mut all = Numbered::default();
        let unknown = all.add(Agent::unknown());
        Self { recent: Recent::new(max_bytes, |text| ENTRY_BYTES + text.len()), all, unknown, asked: Vec::new() }
    }

    /// The agent of nobody.
    pub(super) fn unknown(&self) -> Number {
        self.unknown
    }

    /// Forgets agents that were not seen in a long time and that no session has.
    #[inline]
    pub(super) fn make_room(&mut self) {
        self.recent.make_room(|number| self.all.release(number));
    }

    /// The agent of a user agent. The number stands until room is made, or for whoever holds it.
    #[inline]
    pub(super) fn of(&mut self, user_agent: Option<&str>) -> Number {
        let Some(text) = said(user_agent) else { return self.unknown };
        *self.recent.get(text, |text| self.all.add(Agent::read(text)))
    }

    /// [`Agents::of`] for many at once. A lookup goes from table to text to agent, and waits for memory at each step; here each
    /// step is a loop whose reads wait together. What writes the hits finds the agents' JSON near, too.
    pub(super) fn of_all<'h>(
        &mut self,
        user_agents: impl Iterator<Item = Option<&'h str>> + Clone,
        numbers: &mut Vec<Number>,
    ) {
        let Self { recent, all, unknown, asked } = self;
        asked.clear();
        asked.extend(
            user_agents.clone().map(|user_agent| Asked { hash: said(user_agent).map_or(0, hash), place: None }),
        );
        asked.iter_mut().for_each(|asked| asked.place = recent.place_of(asked.hash));
        asked.iter().filter_map(|asked| asked.place).for_each(|place| {
            if let Some(&number) = recent.prefetch(place) {
                all.prefetch(number);
            }
        });
        numbers.clear();
        numbers.extend(user_agents.zip(asked).map(|(user_agent, asked)| {
            let Some(text) = said(user_agent) else { return *unknown };
            let number = *recent.get_at(asked.place, asked.hash, text, |text| all.add(Agent::read(text)));
            all.get(number).json().prefetch();
            number
        }));
    }

    /// The agent of that number.
    #[inline]
    pub(crate) fn get(&self, number: Number) -> &Agent {
        self.all.get(number)
    }

    /// Takes an agent in that was read from the state.
    pub(crate) fn add(&mut self, agent: Agent) -> Number {
        self.all.add(agent)
    }

    /// A session has it.
    #[inline]
    pub(crate) fn hold(&mut self, number: Number) -> Number {
        self.all.hold(number)
    }

    /// A session had it.
    #[inline]
    pub(crate) fn release(&mut self, number: Number) {
        self.all.release(number);
    }

    /// Whether no session has any.
    #[cfg(test)]
    pub(crate) fn is_each_held_once(&self) -> bool {
        self.all.is_each_held_once()
    }

    /// How many agents there are.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.all.len()
    }

    /// What is kept for user agents, by the estimate that bounds it.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.recent.bytes()
    }
}
