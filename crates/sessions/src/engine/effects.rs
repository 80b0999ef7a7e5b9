//! What a run is to write, in order.
//!
//! Everything is put where it stays until the last stage reads it, field by field. A struct that is moved as a whole right
//! after its fields were written makes a processor wait: its copy reads more bytes at once than any of the stores before
//! it wrote, and none can be handed over before it is in the cache, and all stores before it.

use events::Uuid;

use crate::emit::Placed;
use crate::node::FinalSession;
use crate::windows::Placement;

/// Hits that have a place and sessions that became final.
#[derive(Default, Debug)]
pub(super) struct Effects {
    pub(super) hits: Vec<PlacedHit>,
    pub(super) finals: Vec<FinalSession>,
    /// For each final session, how many of the hits come before it.
    before: Vec<usize>,
}

/// A hit of the run has a place.
#[derive(Debug)]
pub(super) struct PlacedHit {
    pub(super) index: usize,
    pub(super) placed: Placed,
    pub(super) placement: Placement,
    /// The session's that it belongs to, or that it missed.
    pub(super) session_id: Uuid,
}

/// One of them, in their order.
pub(super) enum Effect<'e> {
    Final(&'e FinalSession),
    Hit(&'e PlacedHit),
}

impl Effects {
    pub(super) fn len(&self) -> usize {
        self.hits.len() + self.finals.len()
    }

    /// The sessions that were put into `finals` since the last call come behind the hits that are there.
    pub(super) fn place_finals(&mut self) {
        self.before.resize(self.finals.len(), self.hits.len());
    }

    /// All of them, in the order in which they came about.
    #[inline(always)]
    pub(super) fn in_order(&self, mut write: impl FnMut(Effect<'_>)) {
        let mut finals = self.finals.iter().zip(&self.before).peekable();
        for (at, hit) in self.hits.iter().enumerate() {
            while let Some((session, _)) = finals.next_if(|&(_, &before)| before <= at) {
                write(Effect::Final(session));
            }
            write(Effect::Hit(hit));
        }
        finals.for_each(|(session, _)| write(Effect::Final(session)));
    }

    /// Forgets all of them, and hands the sessions out.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = FinalSession> {
        self.hits.clear();
        self.before.clear();
        self.finals.drain(..)
    }
}
