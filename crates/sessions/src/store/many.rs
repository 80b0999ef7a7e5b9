//! The ids of the few visitors that have very many, found by hash: looking through their sessions would take ever longer.

use hashbrown::{HashSet, HashTable};
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::Visitor;
use crate::ids::Ids;

/// From this many ids on, a visitor's ids are found by hash instead of by looking through its sessions.
pub(super) const MANY_IDS: usize = 64;

/// The hash that hashbrown's table goes by, which looks at the lowest and the highest bits.
fn hash(tag: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(tag)
}

#[derive(Debug, Default)]
pub(super) struct ManyIds(HashTable<Many>);

#[derive(Debug)]
struct Many {
    tag: u32,
    key: Box<[u8]>,
    ids: HashSet<u64, Xxh3DefaultBuilder>,
}

impl ManyIds {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the visitor has the id. One that was not here before is taken in with all its ids.
    pub(super) fn knows<I: Iterator<Item = u64>>(
        &mut self,
        visitor: Visitor<'_>,
        fingerprint: u64,
        all: impl FnOnce() -> I,
    ) -> bool {
        if self.find(visitor).is_none() {
            let many = Many { tag: visitor.tag, key: visitor.key.into(), ids: all().collect() };
            self.0.insert_unique(hash(visitor.tag), many, |many| hash(many.tag));
        }
        self.find(visitor).is_some_and(|many| many.ids.contains(&fingerprint))
    }

    /// The visitor got another id.
    pub(super) fn learn(&mut self, visitor: Visitor<'_>, fingerprint: u64) {
        if let Some(many) = self.find(visitor) {
            many.ids.insert(fingerprint);
        }
    }

    /// One of the visitor's sessions is gone.
    pub(super) fn lose(&mut self, visitor: Visitor<'_>, ids: &Ids) {
        if let Some(many) = self.find(visitor) {
            ids.iter().for_each(|id| {
                many.ids.remove(id);
            });
        }
    }

    /// The visitor has few ids again, or none.
    pub(super) fn forget(&mut self, visitor: Visitor<'_>) {
        if self.0.is_empty() {
            return;
        }
        if let Ok(many) = self.0.find_entry(hash(visitor.tag), |many| *many.key == *visitor.key) {
            many.remove();
        }
    }

    fn find(&mut self, visitor: Visitor<'_>) -> Option<&mut Many> {
        if self.0.is_empty() {
            return None;
        }
        self.0.find_mut(hash(visitor.tag), |many| *many.key == *visitor.key)
    }
}
