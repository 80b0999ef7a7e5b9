//! What changed since the last checkpoint, and the keys under which it stands in the state.

use events::{Uuid, ids};

use crate::node::Node;
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
        for chunk in 0..node.saved.id_chunks {
            self.gone.push(chunk_key(node.key(), node.session_id, List::Ids, chunk.into()).into());
        }
        self.forget_pages(node);
    }

    /// A session became a stub: its lists of pages go.
    pub(crate) fn forget_pages(&mut self, node: &Node) {
        for chunk in 0..node.saved.page_chunks {
            self.gone.push(chunk_key(node.key(), node.session_id, List::Pages, chunk.into()).into());
        }
    }
}

/// The lists of a session that are cut into chunks.
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

/// `site/visitor_id/session_id/ids/0`.
pub(crate) fn chunk_key(visitor_key: &[u8], session_id: Uuid, list: List, chunk: usize) -> Vec<u8> {
    let mut key = node_key(visitor_key, session_id);
    key.extend_from_slice(format!("/{}/{chunk}", list.name()).as_bytes());
    key
}
