//! Fingerprints of a session's hits. Most sessions have few: those stand in the node itself.

use crate::prefetch::prefetch_start;

/// How many ids need no allocation. With three, a node and a session of three pages stay under 400 bytes.
const FEW: usize = 3;

/// Fingerprints in order of arrival.
#[derive(Debug)]
pub(crate) enum Ids {
    Few { len: u8, ids: [u64; FEW] },
    Many(Vec<u64>),
}

impl std::ops::Deref for Ids {
    type Target = [u64];
    fn deref(&self) -> &[u64] {
        match self {
            Self::Few { len, ids } => &ids[..usize::from(*len)],
            Self::Many(ids) => ids,
        }
    }
}

impl Ids {
    pub(crate) const NONE: Self = Self::Few { len: 0, ids: [0; FEW] };

    /// Asks for the memory of the last id and the next one.
    #[inline(always)]
    pub(crate) fn prefetch_last(&self) {
        if let Self::Many(ids) = self
            && let Some(last) = ids.last()
        {
            prefetch_start(last);
        }
    }

    /// Whether the id is there. Of few all are compared: how many there are nobody can foretell.
    #[inline(always)]
    pub(crate) fn holds(&self, id: u64) -> bool {
        match self {
            Self::Few { len, ids } => {
                let is_there = |at: usize| (ids[at] == id) & (at < usize::from(*len));
                (0..FEW).fold(false, |found, at| found | is_there(at))
            }
            Self::Many(ids) => ids.contains(&id),
        }
    }

    pub(crate) fn push(&mut self, id: u64) {
        match self {
            Self::Few { len, ids } if usize::from(*len) < FEW => {
                ids[usize::from(*len)] = id;
                *len += 1;
            }
            Self::Few { ids, .. } => {
                let mut many = Vec::with_capacity(2 * FEW);
                many.extend_from_slice(ids);
                many.push(id);
                *self = Self::Many(many);
            }
            Self::Many(ids) => ids.push(id),
        }
    }
}

impl From<Vec<u64>> for Ids {
    fn from(ids: Vec<u64>) -> Self {
        if ids.len() > FEW {
            return Self::Many(ids);
        }
        let mut few = Self::NONE;
        ids.into_iter().for_each(|id| few.push(id));
        few
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_what_came_is_held_and_what_is_empty_holds_no_zero() {
        let mut ids = Ids::NONE;
        for id in 1..=2 * FEW as u64 {
            assert!(!ids.holds(id) && !ids.holds(0));
            ids.push(id);
            assert!((1..=id).all(|before| ids.holds(before)));
        }
        ids.push(0);
        assert!(ids.holds(0));
    }
}
