//! Ids of hits without identity: kept until no copy can be accepted any more.

use std::collections::BTreeMap;

use events::Timestamp;
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// The remembered hits without identity of one partition.
#[derive(Debug, Default)]
pub(crate) struct AnonymousIds {
    /// Identity to the record's key, which names it in the state.
    known: HashMap<u64, Box<[u8]>, Xxh3DefaultBuilder>,
    by_time: BTreeMap<Timestamp, Vec<u64>>,
    /// Remembered since the last checkpoint.
    fresh: Vec<(Timestamp, u64)>,
}

impl AnonymousIds {
    pub(crate) fn contains(&self, fingerprint: u64) -> bool {
        self.known.contains_key(&fingerprint)
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Remembers an id that the state does not hold yet.
    pub(crate) fn insert(&mut self, fingerprint: u64, key: &[u8], time: Timestamp) {
        self.restore(fingerprint, key, time);
        self.fresh.push((time, fingerprint));
    }

    /// Remembers an id that the state holds.
    pub(crate) fn restore(&mut self, fingerprint: u64, key: &[u8], time: Timestamp) {
        self.known.insert(fingerprint, key.into());
        self.by_time.entry(time).or_default().push(fingerprint);
    }

    /// How many ids the next checkpoint has to write.
    pub(crate) fn fresh_len(&self) -> usize {
        self.fresh.len()
    }

    /// Forgets what lies before the horizon, and hands each forgotten key out.
    pub(crate) fn expire(&mut self, horizon: Timestamp, mut forgotten: impl FnMut(Box<[u8]>)) {
        while let Some(entry) = self.by_time.first_entry() {
            if *entry.key() >= horizon {
                return;
            }
            for fingerprint in entry.remove() {
                if let Some(key) = self.known.remove(&fingerprint) {
                    forgotten(key);
                }
            }
        }
    }

    /// What was remembered since the last call and still is, for the checkpoint.
    pub(crate) fn take_fresh(&mut self) -> Vec<(Timestamp, &[u8])> {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.into_iter().filter_map(|(time, id)| self.known.get(&id).map(|key| (time, &**key))).collect()
    }
}
