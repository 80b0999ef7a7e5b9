//! What an open session knows that a stub no longer does.

use events::{ClosedBy, Offset, Timestamp, Uuid};

use crate::pages::{KeyAndPages, MAX_PAGES, PageRef};
use crate::profile::Profile;

/// What an open session knows besides its span and its hits' ids.
#[derive(Debug)]
pub(crate) struct Open {
    /// The earliest time to which a hit may pull the start back.
    pub(crate) floor: Timestamp,
    /// The offset of the first hit in event time.
    pub(crate) start_offset: Offset,
    pub(crate) first_offset: Offset,
    pub(crate) engaged_ms: u64,
    pub(crate) is_split: bool,
    pub(crate) refused_by: Option<ClosedBy>,
    /// What it has from its first hit in event time.
    pub(crate) profile: Profile,
    /// What few sessions have.
    pub(crate) rare: Option<Box<Rare>>,
}

/// What few sessions have: a known user, merged sessions, more pages than are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare {
    /// The user of the hit with the highest time, and the lower offset on ties.
    pub(crate) user: Option<(Timestamp, Offset, Box<str>)>,
    pub(crate) merged_ids: Vec<Uuid>,
    pub(crate) overflow: Option<Overflow>,
}

/// The pages of a session with more of them than it lists.
#[derive(Clone, Debug)]
pub(crate) struct Overflow {
    /// The order of the last page that is listed: only earlier ones are let in.
    pub(crate) last_kept: (Timestamp, Offset),
    /// The last page of all: time, offset, path.
    pub(crate) exit: (Timestamp, Offset, Box<[u8]>),
    /// Full chunks of pages that changed since the last checkpoint, one bit each.
    pub(crate) dirty_chunks: u8,
}

impl Open {
    /// The part of a session that its first hit opens; the hit itself is still to be taken in.
    #[inline(always)]
    pub(crate) fn new(floor: Timestamp, offset: Offset, profile: Profile) -> Self {
        Self {
            floor,
            start_offset: offset,
            first_offset: offset,
            engaged_ms: 0,
            is_split: false,
            refused_by: None,
            profile,
            rare: None,
        }
    }

    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Lists a page if it is among the earliest, and remembers the last one of all.
    pub(super) fn add_page(&mut self, texts: &mut KeyAndPages, page: PageRef<'_>) {
        if texts.page_count() < MAX_PAGES {
            return texts.push(page);
        }
        self.overflow_mut(texts);
        self.see_exit(page.time, page.offset, page.path);
        if page.order() < self.overflow_mut(texts).last_kept {
            let (index, _) = texts.last().expect("the list is full");
            texts.replace(index, page);
            let last_kept = texts.last().expect("the list is full").1;
            let overflow = self.overflow_mut(texts);
            overflow.last_kept = last_kept;
            overflow.dirty_chunks |= 1 << (index / crate::state::CHUNK);
        }
    }

    /// The overflow of a full list; made from the list where there is none yet.
    pub(super) fn overflow_mut(&mut self, texts: &KeyAndPages) -> &mut Overflow {
        self.rare_mut().overflow.get_or_insert_with(|| {
            let (index, last_kept) = texts.last().expect("the list is full");
            let exit = texts.pages().nth(index).expect("the index is of a page").path.into();
            Overflow { last_kept, exit: (last_kept.0, last_kept.1, exit), dirty_chunks: 0 }
        })
    }

    /// With an overflow: whether this is the last page of all. A tie goes to the lower offset.
    pub(super) fn see_exit(&mut self, time: Timestamp, offset: Offset, path: &[u8]) {
        let Some(overflow) = self.rare.as_mut().and_then(|rare| rare.overflow.as_mut()) else {
            return;
        };
        let (last_time, last_offset, _) = overflow.exit;
        if time > last_time || (time == last_time && offset < last_offset) {
            overflow.exit = (time, offset, path.into());
        }
    }

    pub(super) fn set_user(&mut self, time: Timestamp, offset: Offset, user: &str) {
        let slot = &mut self.rare_mut().user;
        let is_later = slot.as_ref().is_none_or(|(at, by, _)| time > *at || (time == *at && offset < *by));
        if is_later {
            *slot = Some((time, offset, user.into()));
        }
    }
}
