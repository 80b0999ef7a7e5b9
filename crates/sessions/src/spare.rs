//! Memory that final sessions leave to new ones, and stubs to new stubs: they come as fast as they go, and an allocator would join and cut
//! the same pieces again and again.

use events::text::is_plain;
use events::{Offset, Timestamp};

use crate::node::{FinalSession, Open};
use crate::pages::KeyAndPages;
use crate::profile::Profile;

/// How many pieces of each kind are kept.
const MOST: usize = 64;

/// The largest buffer of a key and pages that is kept. A new session has one page, and most never have many.
const MOST_BYTES: usize = 256;

/// Memory that nobody uses.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    opens: Vec<Box<Open>>,
    texts: Vec<Vec<u8>>,
    /// Of stubs' keys.
    keys: Vec<Vec<u8>>,
}

impl Spare {
    /// Keeps what a session leaves that was written.
    pub(crate) fn keep(&mut self, session: FinalSession) {
        if self.opens.len() < MOST {
            self.opens.push(session.open);
        }
        let room = session.texts.into_room();
        if self.texts.len() < MOST && room.capacity() <= MOST_BYTES {
            self.texts.push(room);
        }
    }

    /// Keeps the memory of a key that a stub leaves.
    pub(crate) fn keep_key(&mut self, key: KeyAndPages) {
        if self.keys.len() < MOST {
            self.keys.push(key.into_room());
        }
    }

    /// Memory that a new stub's key may fit into.
    pub(crate) fn key(&mut self) -> Option<Vec<u8>> {
        self.keys.pop()
    }

    /// A new session's own part.
    #[inline(always)]
    pub(crate) fn boxed(&mut self, floor: Timestamp, offset: Offset, profile: Profile) -> Box<Open> {
        let open = || Open::new(floor, offset, profile);
        match self.opens.pop() {
            Some(mut room) => {
                *room = open();
                room
            }
            None => Box::new(open()),
        }
    }

    /// Puts a new session's key in, with room for so many bytes of pages. `is_known_plain`: the key needs no escape in JSON.
    #[inline(always)]
    pub(crate) fn lend_texts(&mut self, texts: &mut KeyAndPages, key: &[u8], is_known_plain: bool, room: usize) {
        let need = KeyAndPages::need(key, room);
        if let Some(left) = self.texts.pop_if(|left| left.capacity() >= need) {
            texts.move_to(left);
        } else {
            texts.make_room(need);
        }
        texts.put_key(key, is_known_plain || is_plain(key));
    }
}
