//! One session as the engine holds it: open, or the stub that a final one leaves.

use events::{ClosedBy, Kind, Offset, Timestamp, Uuid, WindowSettings};

use crate::ids::Ids;
use crate::pages::{KeyAndPages, MAX_PAGES, PageRef};
use crate::profile::Profile;
use crate::store::Link;

/// A session or a stub. What both need stands here; what only an open session needs, behind a pointer.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) session_id: Uuid,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// `site/visitor_id`, and the pages of an open session.
    pub(crate) texts: KeyAndPages,
    /// Fingerprints of its hits in order of arrival; their number is the session's hit count.
    pub(crate) ids: Ids,
    /// `None` is a stub.
    pub(crate) open: Option<Box<Open>>,
    pub(crate) link: Link,
    /// A stub past its time that an open session keeps; it waits for that one instead of for the horizon.
    pub(crate) held: bool,
    pub(crate) saved: Saved,
}

/// What of a node the last checkpoint holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Saved {
    /// Whether it stands in the state at all.
    pub(crate) exists: bool,
    /// Whether it changed since.
    pub(crate) dirty: bool,
    /// How many full chunks of ids stand in the state.
    pub(crate) id_chunks: u16,
    /// How many full chunks of pages stand in the state.
    pub(crate) page_chunks: u8,
}

/// What an open session knows besides its span and its hits' ids.
#[derive(Debug)]
pub(crate) struct Open {
    /// The earliest time to which a hit may pull the start back.
    pub(crate) floor: Timestamp,
    /// The offset of the first hit in event time.
    pub(crate) start_offset: Offset,
    pub(crate) first_offset: Offset,
    pub(crate) last_offset: Offset,
    pub(crate) engaged_ms: u64,
    pub(crate) pageviews: u32,
    pub(crate) events: u32,
    pub(crate) is_split: bool,
    /// Whether it is known that the pages stand in their order.
    pub(crate) is_sorted: bool,
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

/// A session that became final, until it is written.
#[derive(Debug)]
pub(crate) struct FinalSession {
    pub(crate) session_id: Uuid,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) hits: usize,
    pub(crate) texts: KeyAndPages,
    pub(crate) open: Box<Open>,
    /// Unless a maximum closed it.
    pub(crate) by: ClosedBy,
    /// The watermark that closed it.
    pub(crate) at: Timestamp,
}

/// What a hit contributes to a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contribution<'a> {
    pub(crate) time: Timestamp,
    pub(crate) offset: Offset,
    pub(crate) fingerprint: u64,
    pub(crate) kind: Kind,
    pub(crate) path: Option<&'a str>,
    pub(crate) title: Option<&'a str>,
    pub(crate) user_id: Option<&'a str>,
    /// Whether it is known that no text needs an escape in JSON.
    pub(crate) is_plain: bool,
}

impl<'a> Contribution<'a> {
    /// The page that it views: a page has a path.
    pub(crate) fn page(&self) -> Option<PageRef<'a>> {
        let path = self.path.filter(|_| self.kind == Kind::PageView)?.as_bytes();
        Some(PageRef { time: self.time, offset: self.offset, path, title: self.title.map(str::as_bytes) })
    }
}

impl Node {
    /// `site/visitor_id`.
    pub(crate) fn key(&self) -> &[u8] {
        self.texts.key()
    }

    /// Reads what is behind the node's pointers; see [`crate::store::Store::prefetch`].
    pub(crate) fn prefetch(&self) -> i64 {
        let open = self.open.as_ref().map_or(0, |open| open.floor.as_millis() ^ i64::from(open.pageviews));
        open ^ i64::from(self.texts.prefetch()) ^ self.ids.last().map_or(0, |&id| id as i64)
    }

    /// The distance of a moment from the span, 0 inside.
    pub(crate) fn is_within(&self, time: Timestamp, settings: &WindowSettings) -> bool {
        time >= self.start - settings.gap && time <= self.end + settings.gap
    }

    /// Whether two spans are within the gap of each other.
    pub(crate) fn is_near(&self, other: &Self, settings: &WindowSettings) -> bool {
        self.start <= other.end + settings.gap && other.start <= self.end + settings.gap
    }

    /// Which maximum a union of spans and hits would break, the duration first.
    pub(crate) fn refusal(
        start: Timestamp,
        end: Timestamp,
        hits: usize,
        settings: &WindowSettings,
    ) -> Option<ClosedBy> {
        if end - start > settings.max_session {
            Some(ClosedBy::MaxDuration)
        } else if hits > settings.max_hits as usize {
            Some(ClosedBy::MaxHits)
        } else {
            None
        }
    }

    /// The open session's own part.
    pub(crate) fn open(&self) -> &Open {
        self.open.as_ref().expect("callers ask open sessions alone")
    }

    /// The open session's own part, to change.
    pub(crate) fn open_mut(&mut self) -> &mut Open {
        self.open.as_mut().expect("callers ask open sessions alone")
    }

    /// Takes a hit in. Says whether it is the first in event time from now on, so that what the session has from
    /// its first hit must be set anew.
    pub(crate) fn take(&mut self, hit: &Contribution<'_>) -> bool {
        let is_first = hit.time < self.start;
        let is_overtaken = hit.time < self.end;
        self.start = self.start.min(hit.time);
        self.end = self.end.max(hit.time);
        self.ids.push(hit.fingerprint);
        let open = self.open.as_mut().expect("callers give hits to open sessions alone");
        open.first_offset = open.first_offset.min(hit.offset);
        open.last_offset = open.last_offset.max(hit.offset);
        if is_first {
            open.start_offset = hit.offset;
        }
        match hit.kind {
            Kind::PageView => {
                open.pageviews += 1;
                // A page view without a URL is counted, and is no page.
                if let Some(page) = hit.page() {
                    if !hit.is_plain {
                        self.texts.forget_plain();
                    }
                    open.is_sorted &= !is_overtaken;
                    open.add_page(&mut self.texts, page);
                }
            }
            Kind::Custom => open.events += 1,
            Kind::Engagement { engaged_ms } => open.engaged_ms = open.engaged_ms.saturating_add(engaged_ms),
            Kind::Request => {}
        }
        if let Some(user) = hit.user_id {
            open.set_user(hit.time, hit.offset, user);
        }
        is_first
    }

    /// The session is final: what is written of it goes, and a stub stays, its key in this memory if it fits.
    pub(crate) fn close(&mut self, by: ClosedBy, at: Timestamp, room: Option<Vec<u8>>) -> FinalSession {
        let open = self.open.take().expect("callers close open sessions alone");
        let (session_id, start, end, hits) = (self.session_id, self.start, self.end, self.ids.len());
        FinalSession { session_id, start, end, hits, texts: self.texts.leave_key(room), open, by, at }
    }

    /// Takes another session of the visitor in, which then is no more. This one has the earlier start (or the
    /// lower id), and keeps its id and its floor. Hands out the profile that neither has any longer.
    #[must_use]
    pub(crate) fn absorb(&mut self, other: &mut Self) -> Profile {
        other.ids.iter().for_each(|&id| self.ids.push(id));
        // Equal starts: what comes from the first hit comes from the one with the lower offset.
        let theirs_is_first = (other.start, other.open().start_offset) < (self.start, self.open().start_offset);
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        let theirs = other.open.take().expect("callers merge open sessions alone");
        let Self { open, texts, .. } = self;
        let mine = open.as_mut().expect("callers merge open sessions alone");
        mine.first_offset = mine.first_offset.min(theirs.first_offset);
        mine.last_offset = mine.last_offset.max(theirs.last_offset);
        mine.engaged_ms = mine.engaged_ms.saturating_add(theirs.engaged_ms);
        mine.pageviews += theirs.pageviews;
        mine.events += theirs.events;
        mine.is_split |= theirs.is_split;
        mine.is_sorted = false;
        mine.refused_by = mine.refused_by.or(theirs.refused_by);
        if !other.texts.is_plain() {
            texts.forget_plain();
        }
        other.texts.pages().for_each(|page| mine.add_page(texts, page));
        let rare = mine.rare_mut();
        rare.merged_ids.push(other.session_id);
        if let Some(theirs_rare) = &theirs.rare {
            rare.merged_ids.extend_from_slice(&theirs_rare.merged_ids);
            if let Some((time, offset, user)) = &theirs_rare.user {
                mine.set_user(*time, *offset, user);
            }
            if let Some(Overflow { exit: (time, offset, path), .. }) = &theirs_rare.overflow {
                mine.overflow_mut(texts);
                mine.see_exit(*time, *offset, path);
            }
        }
        if theirs_is_first {
            mine.start_offset = theirs.start_offset;
            std::mem::replace(&mut mine.profile, theirs.profile)
        } else {
            theirs.profile
        }
    }
}

impl Open {
    /// The part of a session that its first hit opens; the hit itself is still to be taken in.
    pub(crate) fn new(floor: Timestamp, offset: Offset, profile: Profile) -> Self {
        Self {
            floor,
            start_offset: offset,
            first_offset: offset,
            last_offset: offset,
            engaged_ms: 0,
            pageviews: 0,
            events: 0,
            is_split: false,
            is_sorted: true,
            refused_by: None,
            profile,
            rare: None,
        }
    }

    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Lists a page if it is among the earliest, and remembers the last one of all.
    fn add_page(&mut self, texts: &mut KeyAndPages, page: PageRef<'_>) {
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
    fn overflow_mut(&mut self, texts: &KeyAndPages) -> &mut Overflow {
        self.rare_mut().overflow.get_or_insert_with(|| {
            let (index, last_kept) = texts.last().expect("the list is full");
            let exit = texts.pages().nth(index).expect("the index is of a page").path.into();
            Overflow { last_kept, exit: (last_kept.0, last_kept.1, exit), dirty_chunks: 0 }
        })
    }

    /// With an overflow: whether this is the last page of all. A tie goes to the lower offset.
    fn see_exit(&mut self, time: Timestamp, offset: Offset, path: &[u8]) {
        let Some(overflow) = self.rare.as_mut().and_then(|rare| rare.overflow.as_mut()) else {
            return;
        };
        let (last_time, last_offset, _) = overflow.exit;
        if time > last_time || (time == last_time && offset < last_offset) {
            overflow.exit = (time, offset, path.into());
        }
    }

    fn set_user(&mut self, time: Timestamp, offset: Offset, user: &str) {
        let slot = &mut self.rare_mut().user;
        let is_later = slot.as_ref().is_none_or(|(at, by, _)| time > *at || (time == *at && offset < *by));
        if is_later {
            *slot = Some((time, offset, user.into()));
        }
    }
}
