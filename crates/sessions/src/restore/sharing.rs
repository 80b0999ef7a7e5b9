//! What restored sessions share, as they did before.

use events::{Offset, Timestamp};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::enrich::{Agent, Channel, Device, Enricher};
use crate::node::{Open, Overflow, Rare};
use crate::numbered::Number;
use crate::pages::KeyAndPages;
use crate::profile::{Origin, Place, Profile, Shared};
use crate::state::OpenState;

/// Keeps one of each.
#[derive(Default)]
pub(super) struct Sharing {
    pub(super) shared: Shared,
    pub(super) enricher: Enricher,
    agents: HashMap<Agent, Number, Xxh3DefaultBuilder>,
}

impl Sharing {
    /// The part of an open session.
    pub(super) fn open(&mut self, state: OpenState<'_>, texts: &KeyAndPages) -> Open {
        let first = &state.first;
        let boxed = |text: Option<&str>| text.map(Into::into);
        let origin = self.shared.origin(&Origin {
            referrer: first.referrer.as_deref(),
            source: first.source.as_deref(),
            medium: first.medium.as_deref(),
            campaign: first.campaign.as_deref(),
            term: first.term.as_deref(),
            content: first.content.as_deref(),
            channel: first.channel.as_deref().and_then(Channel::parse),
        });
        let place = self.shared.place(&Place {
            country: first.country.as_deref(),
            region: first.region.as_deref(),
            language: first.language.as_deref(),
            screen: first.screen.as_deref(),
        });
        let device = first.device.as_deref().and_then(Device::parse).unwrap_or(Device::Other);
        let agent = Agent::new(boxed(first.browser.as_deref()), boxed(first.os.as_deref()), device, first.is_bot);
        let agents = &mut self.enricher.agents;
        let agent = match self.agents.entry(agent) {
            Entry::Occupied(known) => agents.hold(*known.get()),
            Entry::Vacant(new) => {
                let agent = agents.add(new.key().clone());
                *new.insert(agent)
            }
        };
        let mut open =
            Open::new(state.floor.unwrap_or(Timestamp::MIN), state.start_offset, Profile { origin, agent, place });
        open.first_offset = state.first_offset;
        open.engaged_ms = state.engaged_ms;
        open.is_split = state.is_split;
        open.refused_by = state.refused_by;
        let overflow = state.exit.map(|exit| Overflow {
            last_kept: texts.last().map_or((Timestamp::MIN, Offset(0)), |(_, order)| order),
            exit: (exit.time, exit.offset, exit.path.as_bytes().into()),
            dirty_chunks: 0,
        });
        let user = state.user.map(|user| (user.time, user.offset, (*user.user_id).into()));
        if overflow.is_some() || user.is_some() || !state.merged_ids.is_empty() {
            open.rare = Some(Box::new(Rare { user, merged_ids: state.merged_ids, overflow }));
        }
        open
    }
}
