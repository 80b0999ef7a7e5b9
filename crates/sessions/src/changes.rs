//! What changed since the last checkpoint, and the keys under which it stands in the state.

use events::decimal::write_decimal;
use events::{Uuid, ids};

use crate::node::{Node, Saved};
use crate::profile::Profile;

/// What the next checkpoint has to write.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Slots whose node changed; the node's own mark says whether it still is so.
    pub(crate) dirty: Vec<u32>,
    /// State keys of what is gone.
    pub(crate) gone: Vec<Box<[u8]>>,
    /// Sessions that were merged into another since the last record.
    pub(crate) merged: u64,
    /// Profiles that no session has any longer, since the last record.
    pub(crate) left: Vec<Profile>,
}

impl Changes {
    /// A node is no more: every key that it has in the state will be tombstoned.
    pub(crate) fn forget(&mut self, node: &Node) {
        if !node.saved.exists {
            return;
        }
        self.gone.push(node_key(node.key(), node.session_id).into());
        self.gone.extend(chunk_keys(node).map(Vec::into_boxed_slice));
    }
}

/// The keys of all chunks that a node has in the state.
pub(crate) fn chunk_keys(node: &Node) -> impl Iterator<Item = Vec<u8>> {
    let Saved { is_apart, chunks, page_chunks, .. } = node.saved;
    let (together, ids, pages) = if is_apart { (0, chunks, page_chunks.into()) } else { (chunks, 0, 0) };
    let list =
        |list, count: u16| (0..count).map(move |chunk| list_key(node.key(), node.session_id, list, chunk.into()));
    let together = (0..together).map(|chunk| chunk_key(node.key(), node.session_id, chunk.into()));
    together.chain(list(List::Ids, ids)).chain(list(List::Pages, pages))
}

/// The lists of a session that formats 1 and 2 cut into chunks of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum List {
    Ids,
    Pages,
}

impl List {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ids => "ids",
            Self::Pages => "pages",
        }
    }
}

/// `site/visitor_id/session_id`.
pub(crate) fn node_key(visitor_key: &[u8], session_id: Uuid) -> Vec<u8> {
    let mut key = Vec::with_capacity(visitor_key.len() + 37 + 10);
    key.extend_from_slice(visitor_key);
    key.push(b'/');
    ids::write_uuid(&mut key, session_id);
    key
}

/// `site/visitor_id/session_id/0`.
pub(crate) fn chunk_key(visitor_key: &[u8], session_id: Uuid, chunk: usize) -> Vec<u8> {
    let mut key = node_key(visitor_key, session_id);
    key.push(b'/');
    write_decimal(&mut key, chunk as u64);
    key
}

/// `site/visitor_id/session_id/ids/0`.
pub(crate) fn list_key(visitor_key: &[u8], session_id: Uuid, list: List, chunk: usize) -> Vec<u8> {
    let mut key = node_key(visitor_key, session_id);
    key.extend_from_slice(format!("/{}/{chunk}", list.name()).as_bytes());
    key
}
