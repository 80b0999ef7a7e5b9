//! All sessions and stubs of a partition, found by visitor.
//!
//! Nodes live in chunks that never move; a visitor's nodes form a chain, and a hash table of four-byte slots
//! finds its head. Looking a visitor up allocates nothing.

use std::hash::BuildHasher;
use std::hint::black_box;

use events::Timestamp;
use hashbrown::{HashSet, HashTable};
use xxhash_rust::xxh3::{Xxh3DefaultBuilder, xxh3_64_with_seed};

use crate::deadlines::Slots;
use crate::node::{NO_SLOT, Node};

const CHUNK_NODES: usize = 1024;

/// From this many ids on, a visitor's ids are found by hash instead of by looking through its sessions.
const MANY_IDS: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Store {
    chunks: Vec<Vec<Slot>>,
    free: Vec<u32>,
    heads: HashTable<Head>,
    hashing: Hashing,
    /// Ids of the few visitors that have very many.
    many: HashTable<Many>,
    open: usize,
    stubs: usize,
}

/// The ids of a visitor that has very many.
#[derive(Debug)]
struct Many {
    hash: u64,
    key: Box<[u8]>,
    ids: HashSet<u64, Xxh3DefaultBuilder>,
}

/// A visitor's place in the table: the first of its nodes.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Part of the key's hash: who has the same is nearly always the same visitor, and the node need not be asked.
    tag: u32,
    slot: u32,
}

/// Visitors' names come from outside: were their hashes known beforehand, somebody could choose names that all
/// fall into one place of the table. No output depends on the order of a hash.
#[derive(Clone, Copy, Debug)]
struct Hashing {
    seed: u64,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { seed: std::hash::RandomState::new().hash_one(0) }
    }
}

/// A visitor's key with its hash, which is computed once for a hit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) hash: u64,
}

#[derive(Debug)]
enum Slot {
    Node(Node),
    /// Merged away; somebody may still hold the slot's number (see [`Store::bury`]).
    Dead,
    Free,
}

/// The table itself goes by the hash's lowest and highest bits.
fn tag(hash: u64) -> u32 {
    (hash >> 20) as u32
}

impl Hashing {
    fn of(self, key: &[u8]) -> u64 {
        xxh3_64_with_seed(key, self.seed)
    }
}

impl Store {
    pub(crate) fn open_count(&self) -> usize {
        self.open
    }

    pub(crate) fn stub_count(&self) -> usize {
        self.stubs
    }

    pub(crate) fn node(&self, slot: u32) -> &Node {
        self.get(slot).expect("a slot that is held has a node")
    }

    /// The node, or `None` where it was merged away.
    pub(crate) fn get(&self, slot: u32) -> Option<&Node> {
        match &self.chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES] {
            Slot::Node(node) => Some(node),
            Slot::Dead | Slot::Free => None,
        }
    }

    pub(crate) fn node_mut(&mut self, slot: u32) -> &mut Node {
        match &mut self.chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES] {
            Slot::Node(node) => node,
            Slot::Dead | Slot::Free => unreachable!("a slot that is held has a node"),
        }
    }

    /// A visitor, to be looked up here.
    pub(crate) fn visitor<'a>(&self, key: &'a [u8]) -> Visitor<'a> {
        Visitor { key, hash: self.hashing.of(key) }
    }

    /// Reads what placing a hit of each of these visitors will read, and forgets it. A lookup goes from table to node to
    /// key, and waits for memory at each step; here each step is a loop whose reads wait together.
    pub(crate) fn prefetch(&self, visitors: impl Iterator<Item = u64>, slots: &mut Vec<u32>) {
        slots.clear();
        slots.extend(visitors.map(|hash| {
            let tag = tag(hash);
            self.heads.find(hash, |head| head.tag == tag).map_or(NO_SLOT, |head| head.slot)
        }));
        let nodes = || slots.iter().filter(|&&slot| slot != NO_SLOT).filter_map(|&slot| self.get(slot));
        black_box(nodes().fold(0, |sum, node| sum ^ node.end.as_millis() ^ i64::from(node.next)));
        black_box(nodes().fold(0, |sum, node| sum ^ node.prefetch()));
    }

    /// Writes the visitor's slots over what the list holds, in no particular order.
    pub(crate) fn slots_of(&self, visitor: Visitor<'_>, slots: &mut Vec<u32>) {
        slots.clear();
        let mut next = self.head(visitor).unwrap_or(NO_SLOT);
        while next != NO_SLOT {
            slots.push(next);
            next = self.node(next).next;
        }
    }

    fn head(&self, visitor: Visitor<'_>) -> Option<u32> {
        let tag = tag(visitor.hash);
        let is_it = |head: &Head| head.tag == tag && *self.node(head.slot).key() == *visitor.key;
        self.heads.find(visitor.hash, is_it).map(|head| head.slot)
    }

    /// Whether one of the visitor's nodes has the id.
    pub(crate) fn knows(&mut self, visitor: Visitor<'_>, slots: &[u32], fingerprint: u64) -> bool {
        let ids: usize = slots.iter().map(|&slot| self.node(slot).ids.len()).sum();
        if ids <= MANY_IDS {
            self.forget_many(visitor);
            return slots.iter().any(|&slot| self.node(slot).ids.contains(&fingerprint));
        }
        if self.many_of(visitor).is_none() {
            let ids = slots.iter().flat_map(|&slot| self.node(slot).ids.iter().copied()).collect();
            let many = Many { hash: visitor.hash, key: visitor.key.into(), ids };
            self.many.insert_unique(visitor.hash, many, |many| many.hash);
        }
        self.many_of(visitor).is_some_and(|many| many.ids.contains(&fingerprint))
    }

    /// Tells the index of visitors with many ids that one of them got another.
    pub(crate) fn learn(&mut self, visitor: Visitor<'_>, fingerprint: u64) {
        if let Some(many) = self.many_of(visitor) {
            many.ids.insert(fingerprint);
        }
    }

    fn many_of(&mut self, visitor: Visitor<'_>) -> Option<&mut Many> {
        self.many.find_mut(visitor.hash, |many| *many.key == *visitor.key)
    }

    fn forget_many(&mut self, visitor: Visitor<'_>) {
        if let Ok(many) = self.many.find_entry(visitor.hash, |many| *many.key == *visitor.key) {
            many.remove();
        }
    }

    /// Puts a node in, at the head of its visitor's chain.
    pub(crate) fn insert(&mut self, mut node: Node) -> u32 {
        if node.open.is_some() {
            self.open += 1;
        } else {
            self.stubs += 1;
        }
        let (chunks, hashing) = (&self.chunks, self.hashing);
        let hash = hashing.of(node.key());
        let key_of = |slot: u32| match &chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES] {
            Slot::Node(node) => node.key(),
            Slot::Dead | Slot::Free => unreachable!("the table holds live slots alone"),
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            // All chunks but the last are full.
            let full = chunks.last().map_or(0, |last| (chunks.len() - 1) * CHUNK_NODES + last.len());
            u32::try_from(full).expect("four billion sessions do not fit into memory")
        });
        let tag = tag(hash);
        let is_it = |head: &Head| head.tag == tag && *key_of(head.slot) == *node.key();
        match self.heads.entry(hash, is_it, |head| hashing.of(key_of(head.slot))) {
            hashbrown::hash_table::Entry::Occupied(mut head) => {
                node.next = head.get().slot;
                head.get_mut().slot = slot;
            }
            hashbrown::hash_table::Entry::Vacant(place) => {
                node.next = NO_SLOT;
                place.insert(Head { tag, slot });
            }
        }
        let chunk = slot as usize / CHUNK_NODES;
        if chunk == self.chunks.len() {
            self.chunks.push(Vec::with_capacity(CHUNK_NODES));
        }
        let chunk = &mut self.chunks[chunk];
        match chunk.get_mut(slot as usize % CHUNK_NODES) {
            Some(place) => *place = Slot::Node(node),
            None => chunk.push(Slot::Node(node)),
        }
        slot
    }

    /// An open session became a stub: the node's own part was taken off by the caller.
    pub(crate) fn count_closed(&mut self) {
        self.open -= 1;
        self.stubs += 1;
    }

    /// Takes a stub out and frees its slot.
    pub(crate) fn remove_stub(&mut self, slot: u32) -> Node {
        let node = self.unlink(slot);
        self.stubs -= 1;
        if !self.many.is_empty()
            && let Some(known) = self.many_of(self.visitor(node.key()))
        {
            node.ids.iter().for_each(|id| {
                known.ids.remove(id);
            });
        }
        self.release(slot);
        node
    }

    /// Takes an open session out whose slot number still waits in the deadlines; [`Store::release`] frees it
    /// when it comes out there. Its ids live on in the session that it was merged into.
    pub(crate) fn bury(&mut self, slot: u32) -> Node {
        self.open -= 1;
        self.unlink(slot)
    }

    /// Frees the slot of a node that is gone.
    pub(crate) fn release(&mut self, slot: u32) {
        self.chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES] = Slot::Free;
        self.free.push(slot);
    }

    fn unlink(&mut self, slot: u32) -> Node {
        // The chain must be walked while the node still stands: the table compares keys through it.
        let visitor = self.visitor(self.node(slot).key());
        let (hash, next) = (visitor.hash, self.node(slot).next);
        let head = self.head(visitor).expect("a live node is on its visitor's chain");
        if head == slot {
            let entry = self.heads.find_entry(hash, |other| other.slot == slot).expect("the head stands in the table");
            if next == NO_SLOT {
                entry.remove();
            } else {
                entry.into_mut().slot = next;
            }
        } else {
            let mut before = head;
            while self.node(before).next != slot {
                before = self.node(before).next;
            }
            self.node_mut(before).next = next;
        }
        let place = &mut self.chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES];
        let Slot::Node(node) = std::mem::replace(place, Slot::Dead) else {
            unreachable!("it stood there a moment ago")
        };
        if head == slot && next == NO_SLOT && !self.many.is_empty() {
            self.forget_many(self.visitor(node.key()));
        }
        node
    }

    /// All nodes that stand, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Node)> {
        self.chunks.iter().flatten().enumerate().filter_map(|(slot, place)| match place {
            Slot::Node(node) => Some((slot as u32, node)),
            Slot::Dead | Slot::Free => None,
        })
    }
}

impl Slots for Store {
    /// Sessions wait for their end. One that was merged away is due at once, so that its slot is freed.
    fn time(&self, slot: u32) -> Timestamp {
        self.get(slot).map_or(Timestamp::MIN, |node| node.end)
    }

    fn prefetch(&self, slot: u32) {
        black_box(self.get(slot).map(Node::prefetch));
    }
}
