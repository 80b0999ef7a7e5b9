//! Reading the state back: the checkpoint becomes an engine again, which then runs over the log from the
//! checkpoint to the position; what it puts out on the way was put out before and is thrown away.

use std::sync::Arc;

use events::{NextOffset, Offset, Timestamp, Uuid};
use hashbrown::HashMap;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::changes::{List, chunk_key};
use crate::emit::split_key;
use crate::engine::Engine;
use crate::enrich::{Agent, Channel, Device};
use crate::late::{LateIds, REMEMBERED};
use crate::node::{Node, Open, Overflow, Rare, Saved};
use crate::pages::{KeyAndPages, MAX_PATH_BYTES, MAX_TITLE_BYTES, PageRef};
use crate::profile::{Origin, Place, Profile, Shared, bounded};
use crate::state::{
    AnonymousState, ChunkState, LATE_PREFIX, LateState, NodeState, OpenState, PARTITION_KEY, PageState, PartitionState,
    STATE_FORMAT,
};
use crate::store::Link;
use crate::windows::Windows;

/// Gathers the records of one partition of the state topic.
#[derive(Debug, Default)]
pub struct Restore {
    records: HashMap<Box<[u8]>, Box<[u8]>, Xxh3DefaultBuilder>,
}

/// A partition's state as of its last checkpoint.
#[derive(Debug)]
pub struct Restored {
    /// The engine; [`Engine::position`] is where the checkpoint was made.
    pub engine: Engine,
    /// All records before this one have been processed and their outputs committed: the engine must be given
    /// those from its own position up to here once more, and what it puts out must be thrown away.
    pub position: NextOffset,
}

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A newer build wrote it.
    #[error(
        "the state has format {found}, this build knows up to {STATE_FORMAT}: start a build at least as new as the one that wrote it"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
    },
    /// The log had another number of partitions.
    #[error(
        "the state was made with {found} partitions, the log has {expected}: drain the pipeline and start it under a new topic prefix"
    )]
    OtherPartitions {
        /// The number that the state was made with.
        found: u32,
        /// The number that the log has.
        expected: u32,
    },
    /// A record that does not have the format's form.
    #[error("state record `{key}` cannot be read: {detail}")]
    Broken {
        /// The record's key.
        key: String,
        /// What is wrong.
        detail: String,
    },
}

impl Restore {
    /// Takes one record of the state topic, in the order of the log; `None` is a tombstone.
    pub fn record(&mut self, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => self.records.insert(key.into(), value.into()),
            None => self.records.remove(key),
        };
    }

    /// The state, once all records were taken; `None` where nothing was ever committed.
    pub fn finish(self, partition: u32, partitions: u32) -> Result<Option<Restored>, StateError> {
        let Some(record) = self.records.get(PARTITION_KEY) else { return Ok(None) };
        let state: PartitionState = parse(PARTITION_KEY, record)?;
        if state.format > STATE_FORMAT {
            return Err(StateError::NewerFormat { found: state.format });
        }
        if state.partitions != partitions {
            return Err(StateError::OtherPartitions { found: state.partitions, expected: partitions });
        }
        let mark = &state.checkpoint;
        let mut windows = Windows::new(mark.times.settings);
        windows.clock = mark.times.clock();
        let mut sharing = Sharing::default();
        let mut late: Vec<LateState> = Vec::new();
        for (key, value) in &self.records {
            match Kind::of(key) {
                Kind::Node(visitor_key, session_id) => {
                    windows.restore(self.node(visitor_key, session_id, key, value, &mut sharing)?);
                }
                Kind::Late => late.push(parse(key, value)?),
                Kind::Anonymous(hit_id) => {
                    let AnonymousState { time } = parse(key, value)?;
                    windows.anonymous.restore(events::ids::identity_fingerprint(key, hit_id), key, time);
                }
                Kind::Other => {}
            }
        }
        windows.late_ids = late_ids(late, mark.late_ids);
        let mut engine = Engine::with_windows(partition, windows, mark.position);
        engine.shared = sharing.shared;
        Ok(Some(Restored { engine, position: state.position }))
    }

    fn node(
        &self,
        visitor_key: &[u8],
        session_id: Uuid,
        key: &[u8],
        value: &[u8],
        sharing: &mut Sharing,
    ) -> Result<Node, StateError> {
        let state: NodeState<'_> = parse_borrowed(key, value)?;
        let mut ids = Vec::with_capacity(usize::from(state.id_chunks) * crate::state::CHUNK + state.ids.len());
        for chunk in 0..state.id_chunks {
            let key = chunk_key(visitor_key, session_id, List::Ids, chunk.into());
            if let ChunkState::Ids(chunk) = self.chunk(&key)? {
                ids.extend(chunk.into_iter().map(|id| id.0));
            }
        }
        ids.extend(state.ids.iter().map(|id| id.0));
        let page_chunks = state.open.as_ref().map_or(0, |open| open.page_chunks);
        let saved = Saved { exists: true, dirty: false, id_chunks: state.id_chunks, page_chunks };
        let mut texts = KeyAndPages::new(visitor_key, 0);
        let open = match state.open {
            None => None,
            Some(open) => {
                for chunk in 0..open.page_chunks {
                    let key = chunk_key(visitor_key, session_id, List::Pages, chunk.into());
                    if let ChunkState::Pages(chunk) = self.chunk(&key)? {
                        chunk.iter().for_each(|page| texts.push(page_ref(page)));
                    }
                }
                open.pages.iter().for_each(|page| texts.push(page_ref(page)));
                Some(Box::new(sharing.open(open, &texts)))
            }
        };
        let (start, end) = (state.start, state.end);
        let ids = ids.into();
        Ok(Node { session_id, start, end, texts, ids, open, link: Link::default(), held: false, saved })
    }

    fn chunk(&self, key: &[u8]) -> Result<ChunkState<'_>, StateError> {
        let value = self
            .records
            .get(key)
            .ok_or_else(|| StateError::Broken { key: lossy(key), detail: "it is missing".into() })?;
        parse_borrowed(key, value)
    }
}

/// What restored sessions share, as they did before.
#[derive(Default)]
struct Sharing {
    shared: Shared,
    agents: HashMap<Agent, Arc<Agent>, Xxh3DefaultBuilder>,
}

impl Sharing {
    fn open(&mut self, state: OpenState<'_>, texts: &KeyAndPages) -> Open {
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
        let agent = self.agents.entry(agent).or_insert_with_key(|agent| Arc::new(agent.clone())).clone();
        let mut open =
            Open::new(state.floor.unwrap_or(Timestamp::MIN), state.start_offset, Profile { origin, agent, place });
        open.first_offset = state.first_offset;
        open.last_offset = state.last_offset;
        open.pageviews = state.pageview_count;
        open.events = state.event_count;
        open.engaged_ms = state.engaged_ms;
        open.is_split = state.is_split;
        open.refused_by = state.refused_by;
        let overflow = state.exit.map(|exit| Overflow {
            last_kept: texts.last().map_or((Timestamp::MIN, Offset(0)), |(_, order)| order),
            exit: (exit.time, exit.offset, exit.path.as_bytes().into()),
            dirty_chunks: 0,
        });
        let user = state.user.map(|user| (user.time, user.offset, user.user_id.into()));
        if overflow.is_some() || user.is_some() || !state.merged_ids.is_empty() {
            open.rare = Some(Box::new(Rare { user, merged_ids: state.merged_ids, overflow }));
        }
        open
    }
}

/// What a key of the state topic names.
enum Kind<'a> {
    Node(&'a [u8], Uuid),
    Anonymous(Uuid),
    Late,
    /// The position, a chunk (read with its node), the log's id.
    Other,
}

impl<'a> Kind<'a> {
    /// Sites and visitors hold no slash: the number of parts tells what a key is.
    fn of(key: &'a [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(key) else { return Self::Other };
        match text.bytes().filter(|&byte| byte == b'/').count() {
            1 => match split_key(key).1.strip_prefix('~').and_then(events::ids::parse_hit_id) {
                Some(hit_id) => Self::Anonymous(hit_id),
                None if text.starts_with(LATE_PREFIX) => Self::Late,
                None => Self::Other,
            },
            2 => {
                let (visitor_key, id) = text.rsplit_once('/').expect("there are two slashes");
                Uuid::try_parse(id).map_or(Self::Other, |id| Self::Node(visitor_key.as_bytes(), id))
            }
            _ => Self::Other,
        }
    }
}

fn late_ids(mut records: Vec<LateState>, total: u64) -> LateIds {
    records.sort_unstable_by_key(|record| record.first);
    let oldest = total.saturating_sub(REMEMBERED as u64);
    let numbered = records.into_iter().flat_map(|record| (record.first..).zip(record.ids));
    LateIds::restored(total, numbered.filter(|(number, _)| (oldest..total).contains(number)).map(|(_, id)| id.0))
}

fn page_ref<'a>(page: &'a PageState<'_>) -> PageRef<'a> {
    PageRef {
        time: page.time,
        offset: page.offset,
        path: bounded(&page.path, MAX_PATH_BYTES).as_bytes(),
        title: page.title.as_deref().map(|title| bounded(title, MAX_TITLE_BYTES).as_bytes()),
    }
}

fn parse<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, StateError> {
    parse_borrowed(key, value)
}

fn parse_borrowed<'a, T: serde::Deserialize<'a>>(key: &[u8], value: &'a [u8]) -> Result<T, StateError> {
    serde_json::from_slice(value).map_err(|error| StateError::Broken { key: lossy(key), detail: error.to_string() })
}

fn lossy(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}
