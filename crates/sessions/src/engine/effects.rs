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

impl Effects {
    pub(super) fn len(&self) -> usize {
        self.hits.len() + self.finals.len()
    }

    /// The sessions that were put into `finals` since the last call come behind the hits that are there.
    pub(super) fn place_finals(&mut self) {
        self.before.resize(self.finals.len(), self.hits.len());
    }

    /// All of them in the order in which they came about: each final session with the hits that come right before it, and then
    /// what hits there are behind the last.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&[PlacedHit], Option<&FinalSession>)> {
        let mut done = 0;
        let finals = self.finals.iter().zip(&self.before).map(|(session, &before)| (before, Some(session)));
        finals.chain([(self.hits.len(), None)]).map(move |(before, session)| {
            let hits = &self.hits[done..before];
            done = before;
            (hits, session)
        })
    }

    /// Forgets all of them, and hands the sessions out.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = FinalSession> {
        self.hits.clear();
        self.before.clear();
        self.finals.drain(..)
    }
}
