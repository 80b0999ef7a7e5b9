//! Reading the state back: the checkpoint becomes an engine again, which then runs over the log from the
//! checkpoint to the position; what it puts out on the way was put out before and is thrown away.

mod gathered;
mod lists;
mod sharing;

use events::{NextOffset, Offset, Uuid};
use hashbrown::HashMap;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::changes::{chunk_key, list_key, node_key};
use crate::emit::split_key;
use crate::engine::Engine;
use crate::late::{LateIds, REMEMBERED};
use crate::node::{Node, Saved, Tally};
use crate::pages::{PageRef, encoded_len};
use crate::state::{AnonymousState, LATE_PREFIX, LateState, PARTITION_KEY, PartitionState, STATE_FORMAT, own_form};
use crate::store::Link;
use crate::windows::Windows;
use gathered::{Gathered, Part, Sessions};
use sharing::Sharing;

/// Gathers the records of one partition of the state topic.
#[derive(Debug, Default)]
pub struct Restore {
    sessions: Sessions,
    /// The position, late ids, hits without identity; the log's id.
    others: HashMap<Box<[u8]>, Box<[u8]>, Xxh3DefaultBuilder>,
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
    /// Takes records of the state topic, in the order of the log: key and value, of which `None` is a tombstone.
    pub fn records<'a>(&mut self, records: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) {
        let Self { sessions, others } = self;
        sessions.take(records.into_iter().filter_map(|(key, value)| {
            match (Part::of(key), value) {
                (Some((name, part)), _) => return Some((name, part, value)),
                (None, Some(value)) => drop(others.insert(key.into(), value.into())),
                (None, None) => drop(others.remove(key)),
            }
            None
        }));
    }

    /// The state, once all records were taken; `None` where nothing was ever committed.
    pub fn finish(self, partition: u32, partitions: u32) -> Result<Option<Restored>, StateError> {
        let Some(record) = self.others.get(PARTITION_KEY) else { return Ok(None) };
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
        let mut late: Vec<LateState> = Vec::new();
        for (key, value) in &self.others {
            match Other::of(key) {
                Some(Other::Late) => late.push(parse(key, value)?),
                Some(Other::Anonymous(hit_id)) => {
                    let AnonymousState { time } = parse(key, value)?;
                    windows.anonymous.restore(events::ids::identity_fingerprint(key, hit_id), key, time);
                }
                None => {}
            }
        }
        windows.late_ids = late_ids(late, mark.late_ids);
        let mut sharing = Sharing::default();
        self.sessions.each(|gathered| {
            if let Some(node) = node(gathered, &mut sharing)? {
                windows.restore(node);
            }
            Ok(())
        })?;
        let mut engine = Engine::with_windows(partition, windows, mark.position);
        engine.shared = sharing.shared;
        engine.enricher = sharing.enricher;
        Ok(Some(Restored { engine, position: state.position }))
    }
}

/// The session; `None` where chunks alone are left of one that is gone.
fn node(gathered: Gathered, sharing: &mut Sharing) -> Result<Option<Node>, StateError> {
    let Gathered { session_id, node, mut lists } = gathered;
    let Some(value) = node else { return Ok(None) };
    let state = match own_form::node(&value) {
        Some(state) => state,
        None => parse_borrowed(|| node_key(lists.key(), session_id), &value)?,
    };
    let is_apart = state.id_chunks > 0;
    let chunks = state.chunks.max(state.id_chunks);
    let page_chunks = state.open.as_ref().map_or(0, |open| open.page_chunks);
    let last = || state.open.iter().flat_map(|open| &open.pages).map(PageRef::from);
    let room = last().map(encoded_len).sum();
    let first = lists.take_first(chunks.into(), state.ids.0.len(), page_chunks.into(), room);
    let (mut ids, mut texts) = first.map_err(|(list, chunk, detail)| {
        let key = match is_apart {
            true => list_key(lists.key(), session_id, list, chunk),
            false => chunk_key(lists.key(), session_id, chunk),
        };
        StateError::Broken { key: lossy(&key), detail }
    })?;
    ids.extend(&state.ids.0);
    last().for_each(|page| texts.push(page));
    if !texts.pages().is_sorted_by_key(|page| page.order()) {
        texts.forget_order();
    }
    let saved = Saved { exists: true, dirty: false, is_apart, chunks, page_chunks };
    let (tally, open) = match state.open {
        None => (Tally::before(Offset(0)), None),
        Some(open) => {
            let tally =
                Tally { last_offset: open.last_offset, pageviews: open.pageview_count, events: open.event_count };
            (tally, Some(Box::new(sharing.open(open, &texts))))
        }
    };
    let (start, end) = (state.start, state.end);
    let ids = ids.into();
    Ok(Some(Node { session_id, start, end, texts, ids, tally, open, link: Link::NONE, held: false, saved }))
}

/// What a key names that is no session's and not the position.
enum Other {
    Anonymous(Uuid),
    Late,
}

impl Other {
    fn of(key: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(key).ok().filter(|text| text.contains('/'))?;
        match split_key(key).1.strip_prefix('~').and_then(events::ids::parse_hit_id) {
            Some(hit_id) => Some(Self::Anonymous(hit_id)),
            None => text.starts_with(LATE_PREFIX).then_some(Self::Late),
        }
    }
}

fn late_ids(mut records: Vec<LateState>, total: u64) -> LateIds {
    records.sort_unstable_by_key(|record| record.first);
    let oldest = total.saturating_sub(REMEMBERED as u64);
    let numbered = records.into_iter().flat_map(|record| (record.first..).zip(record.ids));
    LateIds::restored(total, numbered.filter(|(number, _)| (oldest..total).contains(number)).map(|(_, id)| id.0))
}

fn parse<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, StateError> {
    parse_borrowed(|| key.to_vec(), value)
}

fn parse_borrowed<'a, T: serde::Deserialize<'a>>(
    key: impl FnOnce() -> Vec<u8>,
    value: &'a [u8],
) -> Result<T, StateError> {
    serde_json::from_slice(value).map_err(|error| StateError::Broken { key: lossy(&key()), detail: error.to_string() })
}

fn lossy(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}
