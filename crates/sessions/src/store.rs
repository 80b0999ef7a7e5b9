//! All sessions and stubs of a partition, found by visitor.
//!
//! Nodes live in chunks that never move. A visitor's nodes form a ring, and a hash table finds one of them, the head;
//! from any node the others are found without the table. Looking a visitor up allocates nothing.

use crate::index::{self, Index};
use crate::node::Node;

mod ahead;
mod many;
mod visitor;

use many::{MANY_IDS, ManyIds};
use visitor::Hashing;
pub(crate) use visitor::Visitor;

const CHUNK_NODES: usize = 1024;

/// An array: that a slot's place lies within needs no check.
type Chunk = [Slot; CHUNK_NODES];

/// A slot is two lines of a processor's cache and no third; the first holds what looking a visitor up needs.
const _: () = assert!(size_of::<Slot>() == 128 && std::mem::offset_of!(Node, tally) == 64);

/// No slot.
pub(crate) const NO_SLOT: u32 = index::NONE;

#[derive(Debug, Default)]
pub(crate) struct Store {
    chunks: Vec<Box<Chunk>>,
    free: Vec<u32>,
    /// Slots from this one on were never used.
    unused: u32,
    /// One of each visitor's nodes, by the hash of its key.
    heads: Index,
    hashing: Hashing,
    many: ManyIds,
    open: usize,
    stubs: usize,
}

/// A node's place on its visitor's ring; the store sets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The next node; the node itself where it is the visitor's only one.
    next: u32,
    /// The hash of the visitor's key: no key is hashed again when its node goes.
    tag: u32,
}

#[derive(Debug)]
#[repr(align(64))]
enum Slot {
    Node(Node),
    /// Merged away; somebody may still hold the slot's number (see [`Store::bury`]).
    Dead,
    Free,
}

impl Link {
    /// Of a node that is on no ring.
    pub(crate) const NONE: Self = Self { next: NO_SLOT, tag: 0 };
}

/// The node, or `None` where it was merged away.
#[inline(always)]
fn find(chunks: &[Box<Chunk>], slot: u32) -> Option<&Node> {
    match &chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES] {
        Slot::Node(node) => Some(node),
        Slot::Dead | Slot::Free => None,
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
        find(&self.chunks, slot)
    }

    pub(crate) fn node_mut(&mut self, slot: u32) -> &mut Node {
        match self.place(slot) {
            Slot::Node(node) => node,
            Slot::Dead | Slot::Free => unreachable!("a slot that is held has a node"),
        }
    }

    /// A visitor, to be looked up here.
    pub(crate) fn visitor<'a>(&self, key: &'a [u8]) -> Visitor<'a> {
        Visitor { key, tag: self.hashing.of(key), hint: NO_SLOT }
    }

    /// Writes the slots of a visitor, of which one is given, over what the list holds, in no particular order.
    pub(crate) fn ring_of(&self, head: Option<u32>, slots: &mut Vec<u32>) {
        slots.clear();
        if let Some(head) = head {
            slots.push(head);
            self.push_others(head, slots);
        }
    }

    /// Writes the slots of a node's visitor over what the list holds, but for the node's own.
    pub(crate) fn others_of(&self, slot: u32, slots: &mut Vec<u32>) {
        slots.clear();
        self.push_others(slot, slots);
    }

    fn push_others(&self, slot: u32, slots: &mut Vec<u32>) {
        let mut next = self.node(slot).link.next;
        while next != slot {
            slots.push(next);
            next = self.node(next).link.next;
        }
    }

    /// One of the visitor's slots.
    #[inline]
    pub(crate) fn head(&self, visitor: Visitor<'_>) -> Option<u32> {
        let Visitor { key, tag, hint } = visitor;
        let is_its = |slot: u32| self.get(slot).is_some_and(|node| *node.key() == *key);
        if hint != NO_SLOT && is_its(hint) {
            return Some(hint);
        }
        self.heads.find(tag, is_its)
    }

    /// The node, if it is its visitor's only one and nobody's ids are found by hash.
    #[inline]
    pub(crate) fn only_with_few_ids(&mut self, slot: u32) -> Option<&mut Node> {
        if !self.many.is_empty() {
            return None;
        }
        let node = self.node_mut(slot);
        (node.link.next == slot && node.ids.len() <= MANY_IDS).then_some(node)
    }

    /// Whether one of the visitor's nodes has the id.
    pub(crate) fn knows(&mut self, visitor: Visitor<'_>, slots: &[u32], fingerprint: u64) -> bool {
        let (mut ids, mut is_known) = (0, false);
        for &slot in slots {
            let node = self.node(slot);
            ids += node.ids.len();
            if ids > MANY_IDS {
                break;
            }
            is_known |= node.ids.holds(fingerprint);
        }
        if ids <= MANY_IDS {
            self.many.forget(visitor);
            return is_known;
        }
        let Self { many, chunks, .. } = self;
        many.knows(visitor, fingerprint, || {
            slots.iter().flat_map(|&slot| find(chunks, slot).into_iter().flat_map(|node| node.ids.iter()).copied())
        })
    }

    /// Tells the index of visitors with many ids that one of them got another.
    pub(crate) fn learn(&mut self, visitor: Visitor<'_>, fingerprint: u64) {
        self.many.learn(visitor, fingerprint);
    }

    /// Makes room for a node that will be open or a stub: next to a sibling, which is any node of the same visitor, or as the
    /// visitor's first. The caller fills it in its place: everything of it but the link.
    #[inline(always)]
    pub(crate) fn insert(&mut self, tag: u32, sibling: Option<u32>, is_open: bool) -> (u32, &mut Node) {
        let slot = self.free.pop().unwrap_or_else(|| self.unused_slot());
        let next = match sibling {
            Some(sibling) => std::mem::replace(&mut self.node_mut(sibling).link.next, slot),
            None => {
                self.heads.insert(tag, slot);
                slot
            }
        };
        self.open += usize::from(is_open);
        self.stubs += usize::from(!is_open);
        *self.place(slot) = Slot::Node(Node::EMPTY);
        let node = self.node_mut(slot);
        node.link = Link { next, tag };
        (slot, node)
    }

    fn unused_slot(&mut self) -> u32 {
        let slot = self.unused;
        self.unused = slot.checked_add(1).expect("four billion sessions do not fit into memory");
        if slot as usize / CHUNK_NODES == self.chunks.len() {
            let chunk: Box<[Slot]> = (0..CHUNK_NODES).map(|_| Slot::Free).collect();
            self.chunks.push(chunk.try_into().expect("it has that length"));
        }
        slot
    }

    #[inline(always)]
    fn slot(&self, slot: u32) -> &Slot {
        &self.chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES]
    }

    fn place(&mut self, slot: u32) -> &mut Slot {
        &mut self.chunks[slot as usize / CHUNK_NODES][slot as usize % CHUNK_NODES]
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
        self.many.lose(Visitor { key: node.key(), tag: node.link.tag, hint: NO_SLOT }, &node.ids);
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
        *self.place(slot) = Slot::Free;
        self.free.push(slot);
    }

    fn unlink(&mut self, slot: u32) -> Node {
        let Link { next, tag } = self.node(slot).link;
        let is_only = next == slot;
        if is_only {
            self.heads.remove(tag, slot);
        } else {
            let mut before = next;
            while self.node(before).link.next != slot {
                before = self.node(before).link.next;
            }
            self.node_mut(before).link.next = next;
            self.heads.replace(tag, slot, next);
        }
        let Slot::Node(node) = std::mem::replace(self.place(slot), Slot::Dead) else {
            unreachable!("it stood there a moment ago")
        };
        if is_only {
            self.many.forget(Visitor { key: node.key(), tag, hint: NO_SLOT });
        }
        node
    }

    /// All nodes that stand, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Node)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).enumerate().filter_map(|(slot, place)| match place {
            Slot::Node(node) => Some((slot as u32, node)),
            Slot::Dead | Slot::Free => None,
        })
    }
}
