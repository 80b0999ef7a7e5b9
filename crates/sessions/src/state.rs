//! The format of the state topic `sessions.open`: which keys there are and what stands under them.
//!
//! | key | value |
//! | --- | --- |
//! | `#partition` | [`PartitionState`]: the position, at every commit |
//! | `site/visitor_id/session_id` | [`NodeState`]: an open session or a stub |
//! | `site/visitor_id/session_id/0` | [`ChunkState`]: sixteen fingerprints of hits in base64, and sixteen pages once there are as many, time and offset as what they are more than the page's before: `{"ids":"kxyxAllMdVw…","pages":[[1793577600000,3,"/a","Title"],[17000,1,"/b"],…]}` |
//! | `site/~hit_id` | [`AnonymousState`]: a hit without identity |
//! | `#late/0` | [`LateState`]: sixty-four fingerprints of late hits |
//!
//! All but `#partition` change at a checkpoint alone, inside one transaction.
//!
//! What an older build wrote is read, in any record, and stays until it changes. Format 1 had ids as a list of texts, and a page
//! as an object with its time in RFC 3339: more than twice the bytes, of which a restore reads gigabytes. Formats 1 and 2 had
//! chunks of ids and of pages in records of their own ([`lists`]), nearly twice as many as there are now.

pub(crate) mod chunks;
mod forms;
pub(crate) mod lists;
pub(crate) mod own_form;
mod rest;

use events::{ClosedBy, NextOffset, Offset, Timestamp, Uuid, WindowSettings};
use serde::{Deserialize, Serialize};

use crate::clock::StreamClock;
use crate::windows::Windows;
pub(crate) use forms::{Fingerprint, Fingerprints, PageState, Str};

/// The format that this build writes. Older ones are read, newer ones refused.
pub const STATE_FORMAT: u32 = 3;

/// The key under which a partition's position stands.
pub const PARTITION_KEY: &[u8] = b"#partition";

/// The beginning of the keys of the late ids.
pub(crate) const LATE_PREFIX: &str = "#late/";

/// Entries of a list that stand in one chunk. Shorter lists, and what is over a multiple, stand in the node.
pub(crate) const CHUNK: usize = 16;

/// Late ids that stand in one record.
pub(crate) const LATE_CHUNK: u64 = 64;

/// What stands under `#partition`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionState {
    /// [`STATE_FORMAT`] of the build that wrote it.
    pub format: u32,
    /// The number of partitions of the log; it may not change.
    pub partitions: u32,
    /// The next input offset: all records before it have been processed.
    pub position: NextOffset,
    /// The times and settings at the position, for people who read along.
    #[serde(flatten)]
    pub now: Times,
    /// What the rest of the state was written at; the engine runs from there to the position again.
    pub checkpoint: CheckpointMark,
}

/// Where the last checkpoint stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckpointMark {
    /// The next input offset as of the checkpoint.
    pub position: NextOffset,
    /// The times and settings as of the checkpoint.
    #[serde(flatten)]
    pub times: Times,
    /// How many late ids had been remembered.
    pub late_ids: u64,
}

/// A partition's times, absent before the first hit, and its settings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Times {
    /// The highest event time or tick.
    pub stream_time: Option<Timestamp>,
    /// Stream time − lateness, at its highest.
    pub watermark: Option<Timestamp>,
    /// Watermark − gap, at its highest.
    pub horizon: Option<Timestamp>,
    /// The settings that hold.
    pub settings: WindowSettings,
}

impl Times {
    pub(crate) fn of(windows: &Windows) -> Self {
        let known = |time: Timestamp| Some(time).filter(|&time| time != Timestamp::MIN);
        let clock = windows.clock;
        Self {
            stream_time: known(clock.stream_time),
            watermark: known(clock.watermark),
            horizon: known(clock.horizon),
            settings: windows.settings,
        }
    }

    pub(crate) fn clock(&self) -> StreamClock {
        let time = |known: Option<Timestamp>| known.unwrap_or(Timestamp::MIN);
        StreamClock {
            stream_time: time(self.stream_time),
            watermark: time(self.watermark),
            horizon: time(self.horizon),
        }
    }
}

impl CheckpointMark {
    pub(crate) fn of(windows: &Windows, position: NextOffset) -> Self {
        Self { position, times: Times::of(windows), late_ids: windows.late_ids.total() }
    }
}

/// An open session or a stub.
#[derive(Serialize, Deserialize)]
pub(crate) struct NodeState<'a> {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// How many full chunks there are.
    #[serde(default)]
    pub(crate) chunks: u16,
    /// How many full chunks of ids have records of their own, as formats 1 and 2 had it.
    #[serde(default, skip_serializing)]
    pub(crate) id_chunks: u16,
    /// The ids that fill no chunk.
    pub(crate) ids: Fingerprints,
    /// Absent in a stub.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) open: Option<OpenState<'a>>,
}

/// What an open session has besides.
#[derive(Serialize, Deserialize)]
pub(crate) struct OpenState<'a> {
    pub(crate) floor: Option<Timestamp>,
    pub(crate) start_offset: Offset,
    pub(crate) first_offset: Offset,
    pub(crate) last_offset: Offset,
    pub(crate) hit_count: u32,
    pub(crate) pageview_count: u32,
    pub(crate) event_count: u32,
    pub(crate) engaged_ms: u64,
    pub(crate) is_split: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused_by: Option<ClosedBy>,
    /// How many of the full chunks hold pages.
    pub(crate) page_chunks: u8,
    #[serde(borrow)]
    pub(crate) pages: Vec<PageState<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<PageState<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserState<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) merged_ids: Vec<Uuid>,
    #[serde(borrow)]
    pub(crate) first: FirstState<'a>,
}

/// What a session has from its first hit.
#[derive(Serialize, Deserialize)]
pub(crate) struct FirstState<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) referrer: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) medium: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) campaign: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) term: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) browser: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) os: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Str<'a>>,
    pub(crate) is_bot: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<Str<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) screen: Option<Str<'a>>,
}

/// Who the visitor is, and which hit said so.
#[derive(Serialize, Deserialize)]
pub(crate) struct UserState<'a> {
    pub(crate) time: Timestamp,
    pub(crate) offset: Offset,
    #[serde(borrow)]
    pub(crate) user_id: Str<'a>,
}

/// Sixteen ids, and as many pages where the session has them.
#[derive(Serialize, Deserialize)]
pub(crate) struct ChunkState<'a> {
    #[serde(borrow)]
    pub(crate) ids: Str<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) pages: Option<Vec<PageState<'a>>>,
}

/// A remembered hit without identity; its id stands in the key.
#[derive(Serialize, Deserialize)]
pub(crate) struct AnonymousState {
    pub(crate) time: Timestamp,
}

/// Late ids; the number of the first one in the order in which they came.
#[derive(Serialize, Deserialize)]
pub(crate) struct LateState {
    pub(crate) first: u64,
    pub(crate) ids: Vec<Fingerprint>,
}
