//! What can be told from one hit alone: the page's path, where the visitor came from, and with what.
//!
//! Everything here is a pure function of the hit: the caches only save work, and no answer depends on what
//! was asked before. The rules:
//!
//! - **Path** (`url`): the URL's path without query and fragment, percent-encoding left as it is.
//! - **Origin** (`origin`): what the URL's campaign parameters say (`campaign`), else what the referrer's
//!   host says (`referrer`, with the lists of `sources`).
//! - **Channel** (`channel`): Google Analytics 4's default channel group.
//! - **Agent** (`agent`): browser, system, device and whether it is a bot, from the user agent.

mod agent;
mod came;
mod campaign;
mod channel;
mod device;
mod families;
mod origin;
mod recent;
mod referrer;
mod sources;
mod url;

use events::Hit;

use crate::fragment::Fragment;
pub use crate::numbered::Number;
pub(crate) use agent::Agents;
pub use agent::{Agent, is_bot};
pub use came::Came;
pub(crate) use came::Elsewhere;
use came::Referrers;
pub(crate) use campaign::MAX_VALUE_BYTES;
pub use channel::Channel;
pub use device::Device;
pub use origin::Origin;
use url::Url;

/// Derives what one hit tells. One per engine: it owns bounded caches of the user agents and the referrers
/// seen lately.
#[derive(Debug)]
pub struct Enricher {
    pub(crate) agents: Agents,
    referrers: Referrers,
    /// Room for the agents of hits that are derived together.
    numbers: Vec<Number>,
}

/// What one hit tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Derived<'h> {
    /// The path of the hit's URL, `/` where the URL has none; `None` where the hit has no URL.
    pub path: Option<&'h str>,
    /// Where the visitor came from: see [`Enricher::origin`].
    pub origin: Came<'h>,
    /// With what the visitor came: see [`Enricher::agent`].
    pub agent: Number,
}

impl Default for Enricher {
    fn default() -> Self {
        Self::new()
    }
}

impl Enricher {
    /// An enricher with caches of up to 8 MiB. This compiles nothing: see [`Enricher::warm_up`].
    pub fn new() -> Self {
        Self::with_cache_bytes(8 << 20)
    }

    /// An enricher whose caches hold about this many bytes at most: four fifths of them user agents, one fifth referrers.
    pub fn with_cache_bytes(bytes: usize) -> Self {
        let referrers = bytes / 5;
        Self { agents: Agents::new(bytes - referrers), referrers: Referrers::new(referrers), numbers: Vec::new() }
    }

    /// Compiles the rules for user agents, once in a process, so that the first hit does not wait for it.
    pub fn warm_up() {
        families::warm_up();
    }

    /// The path, and nothing else of what this hit tells.
    pub(crate) fn path_alone<'h>(&self, hit: &'h Hit<'_>) -> Derived<'h> {
        Derived { path: page(hit).map(|page| page.path), origin: Came::Within, agent: self.agents.unknown() }
    }

    /// Keeps the caches within their bound. What was derived before may name agents that are no more.
    #[inline]
    pub fn make_room(&mut self) {
        self.agents.make_room();
        self.referrers.make_room();
    }

    /// The agent that a hit told of since the last [`Enricher::make_room`].
    pub fn agent(&self, number: Number) -> &Agent {
        self.agents.get(number)
    }

    /// Where a visitor came from, as a hit told since the last [`Enricher::make_room`].
    pub fn origin<'a, 'h>(&'a self, came: &'a Came<'h>) -> &'a Origin<'h> {
        self.referrers.origin(came)
    }

    /// What enriched hits say of where a visitor came from that came by no campaign, as a hit told since the last
    /// [`Enricher::make_room`].
    #[inline(always)]
    pub(crate) fn referrer_json(&self, came: &Came<'_>) -> &Fragment {
        self.referrers.json(came)
    }

    /// What a hit's referrer told since the last [`Enricher::make_room`].
    #[inline]
    pub(crate) fn elsewhere(&self, number: Number) -> &Elsewhere {
        self.referrers.get(number)
    }

    /// What this hit tells. Whoever derives many makes room from time to time.
    pub fn derive<'h>(&mut self, hit: &'h Hit<'_>) -> Derived<'h> {
        let agent = self.agents.of(hit.user_agent.as_deref());
        derived(hit, &mut self.referrers, agent)
    }

    /// Looks up the agents of hits that [`Enricher::derive_all`] is asked for next.
    pub(crate) fn find_agents<'h>(&mut self, hits: impl Iterator<Item = &'h Hit<'h>> + Clone) {
        self.agents.of_all(hits.map(|hit| hit.user_agent.as_deref()), &mut self.numbers);
    }

    /// What each of these hits tells, appended in their order.
    pub(crate) fn derive_all<'h>(&mut self, hits: impl Iterator<Item = &'h Hit<'h>>, all: &mut Vec<Derived<'h>>) {
        let Self { referrers, numbers, .. } = self;
        all.extend(hits.zip(numbers).map(|(hit, &mut agent)| derived(hit, referrers, agent)));
    }
}

#[inline(always)]
fn derived<'h>(hit: &'h Hit<'_>, referrers: &mut Referrers, agent: Number) -> Derived<'h> {
    let page = page(hit);
    Derived {
        path: page.map(|page| page.path),
        origin: referrers.came(page.as_ref(), hit.referrer.as_deref(), &hit.site),
        agent,
    }
}

/// The page that a hit is on.
fn page<'h>(hit: &'h Hit<'_>) -> Option<Url<'h>> {
    hit.url.as_deref().filter(|url| !url.is_empty()).map(Url::split)
}

#[cfg(test)]
mod tests;
