//! Asking for memory ahead. A search goes from table to node to texts, and would wait for memory at each step; who has many
//! visitors takes each step for all of them, and does other work in between.

use std::hint::select_unpredictable;

use events::Timestamp;

use super::{CHUNK_NODES, NO_SLOT, Slot, Store};
use crate::deadlines::Slots;
use crate::prefetch::{prefetch_lines, prefetch_start};

impl Store {
    /// Asks for the memory where a search for the visitor begins.
    #[inline(always)]
    pub(crate) fn prefetch_head(&self, tag: u32) {
        self.heads.prefetch(tag);
    }

    /// A slot that is probably one of the visitor's, or [`NO_SLOT`]: a hint for [`Store::head`]. Asks for its node.
    #[inline(always)]
    pub(crate) fn prefetch_node(&self, tag: u32) -> u32 {
        let slot = self.heads.first(tag);
        if let Some(slot) = self.slot_or_first(slot) {
            prefetch_lines(slot);
        }
        slot
    }

    /// Asks for what taking a hit needs behind a node, which is there by now.
    #[inline(always)]
    pub(crate) fn prefetch_texts(&self, slot: u32) {
        if let Some(Slot::Node(node)) = self.slot_or_first(slot) {
            node.prefetch();
        }
    }

    /// The slot, and the first one for [`NO_SLOT`], without a branch: nobody can foretell which hits are of new visitors.
    /// `None` where there is no slot yet.
    #[inline(always)]
    fn slot_or_first(&self, slot: u32) -> Option<&Slot> {
        let slot = select_unpredictable(slot == NO_SLOT, 0, slot);
        let chunk = self.chunks.get(slot as usize / CHUNK_NODES)?;
        Some(&chunk[slot as usize % CHUNK_NODES])
    }
}

impl Slots for Store {
    /// Sessions wait for their end. One that was merged away is due at once, so that its slot is freed.
    fn time(&self, slot: u32) -> Timestamp {
        self.get(slot).map_or(Timestamp::MIN, |node| node.end)
    }

    #[inline(always)]
    fn prefetch(&self, slot: u32) {
        prefetch_start(self.slot(slot));
    }

    #[inline(always)]
    fn prefetch_all(&self, slot: u32) {
        if let Some(node) = self.get(slot) {
            prefetch_lines(self.slot(slot));
            node.prefetch_all();
            self.heads.prefetch(node.link.tag);
        }
    }
}
