//! What most hits are: in order, and of a visitor whose only session is open. A short way for them.

use events::Uuid;

use super::{Windows, mark_changed};
use crate::node::{Contribution, Node};
use crate::store::Visitor;

impl Windows {
    /// R5 to R10 for a hit at or after the start of its visitor's only session: with no other session and no stub there is
    /// nothing to merge with, to miss or to be split from, and the session has its first hit already. `None` where anything
    /// is different: [`super::place`] decides then.
    #[inline(always)]
    pub(crate) fn place_in_only(
        &mut self,
        slot: u32,
        visitor: Visitor<'_>,
        hit_id: Uuid,
        hit: &Contribution<'_>,
    ) -> Option<&Node> {
        if self.is_known_late(visitor.key, hit_id) {
            return None;
        }
        let Self { store, settings, changes, .. } = self;
        let node = store.only_with_few_ids(slot)?;
        let hits = node.ids.len() + 1;
        let is_usual = node.open.is_some()
            && hit.time >= node.start
            && hit.time <= node.end + settings.gap
            && Node::refusal(node.start, node.end.max(hit.time), hits, settings).is_none()
            && !node.ids.holds(hit.fingerprint);
        if !is_usual {
            return None;
        }
        node.take(hit);
        mark_changed(node, slot, changes);
        Some(node)
    }
}
