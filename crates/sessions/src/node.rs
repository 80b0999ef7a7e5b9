//! One session as the engine holds it: open, or the stub that a final one leaves.

use events::{ClosedBy, Kind, Offset, Timestamp, Uuid, WindowSettings};

use crate::ids::Ids;
use crate::pages::{KeyAndPages, PageRef};
use crate::prefetch::prefetch;
use crate::profile::Profile;
use crate::store::Link;

mod open;

pub(crate) use open::{Open, Overflow, Rare};

/// A session or a stub. What both need stands here, and what nearly every hit changes, so that such a hit reads nothing behind
/// the pointer; the rest of what only an open session needs is there.
///
/// The order of the fields is that in memory: its first half is what finding it, and asking when it is due, reads.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Node {
    /// `site/visitor_id`, and the pages of an open session.
    pub(crate) texts: KeyAndPages,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// `None` is a stub.
    pub(crate) open: Option<Box<Open>>,
    pub(crate) link: Link,
    pub(crate) saved: Saved,
    /// A stub past its time that an open session keeps; it waits for that one instead of for the horizon.
    pub(crate) held: bool,
    /// Of an open session.
    pub(crate) tally: Tally,
    /// Fingerprints of its hits in order of arrival; their number is the session's hit count.
    pub(crate) ids: Ids,
    pub(crate) session_id: Uuid,
}

/// What nearly every hit changes of an open session, besides its end, its ids and its pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) last_offset: Offset,
    pub(crate) pageviews: u32,
    pub(crate) events: u32,
}

impl Saved {
    /// Nothing of it.
    pub(crate) const NONE: Self = Self { exists: false, dirty: false, is_apart: false, chunks: 0, page_chunks: 0 };
}

impl Tally {
    /// Before a session's first hit, which comes at this offset.
    pub(crate) const fn before(offset: Offset) -> Self {
        Self { last_offset: offset, pageviews: 0, events: 0 }
    }
}

/// What of a node the last checkpoint holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved {
    /// Whether it stands in the state at all.
    pub(crate) exists: bool,
    /// Whether it changed since.
    pub(crate) dirty: bool,
    /// Whether its ids and pages stand in records of their own, as an older build wrote them.
    pub(crate) is_apart: bool,
    /// How many full chunks stand in the state.
    pub(crate) chunks: u16,
    /// How many of them hold pages.
    pub(crate) page_chunks: u8,
}

/// A session that became final, until it is written.
#[derive(Debug)]
pub(crate) struct FinalSession {
    pub(crate) session_id: Uuid,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) hits: usize,
    pub(crate) texts: KeyAndPages,
    pub(crate) tally: Tally,
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
    /// Before anything is known of it.
    pub(crate) const EMPTY: Self = Self {
        session_id: Uuid::nil(),
        start: Timestamp::MIN,
        end: Timestamp::MIN,
        texts: KeyAndPages::absent(),
        ids: Ids::NONE,
        tally: Tally::before(Offset(0)),
        open: None,
        link: Link::NONE,
        held: false,
        saved: Saved::NONE,
    };

    /// `site/visitor_id`.
    pub(crate) fn key(&self) -> &[u8] {
        self.texts.key()
    }

    /// Asks for what taking a hit needs behind the node's pointers.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        self.texts.prefetch_ends();
        self.ids.prefetch_last();
    }

    /// Asks for what closing it needs behind the node's pointers.
    #[inline(always)]
    pub(crate) fn prefetch_all(&self) {
        self.texts.prefetch();
        if let Some(open) = &self.open {
            prefetch(&**open);
        }
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
        let Self { open, texts, tally, .. } = self;
        let open = open.as_mut().expect("callers give hits to open sessions alone");
        // The engine takes the log in its order: no offset is lower than those that were there before.
        tally.last_offset = hit.offset;
        if is_first {
            open.start_offset = hit.offset;
        }
        match hit.kind {
            Kind::PageView => {
                tally.pageviews += 1;
                // A page view without a URL is counted, and is no page.
                if let Some(page) = hit.page() {
                    if !hit.is_plain {
                        texts.forget_plain();
                    }
                    if is_overtaken {
                        texts.forget_order();
                    }
                    open.add_page(texts, page);
                }
            }
            Kind::Custom => tally.events += 1,
            Kind::Engagement { engaged_ms } => open.engaged_ms = open.engaged_ms.saturating_add(engaged_ms),
            Kind::Request => {}
        }
        if let Some(user) = hit.user_id {
            open.set_user(hit.time, hit.offset, user);
        }
        is_first
    }

    /// The session is final: what is written of it goes, and a stub stays, its key in this memory if it fits.
    pub(crate) fn close(&mut self, by: ClosedBy, at: Timestamp, room: Option<Vec<u8>>, finals: &mut Vec<FinalSession>) {
        let open = self.open.take().expect("callers close open sessions alone");
        let (session_id, start, end, tally) = (self.session_id, self.start, self.end, self.tally);
        let hits = self.ids.len();
        finals.push(FinalSession { session_id, start, end, hits, texts: self.texts.leave(room), tally, open, by, at });
        if let Some(session) = finals.last() {
            self.texts.put_key(session.texts.key(), false);
        }
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
        let Self { open, texts, tally, .. } = self;
        let mine = open.as_mut().expect("callers merge open sessions alone");
        mine.first_offset = mine.first_offset.min(theirs.first_offset);
        mine.engaged_ms = mine.engaged_ms.saturating_add(theirs.engaged_ms);
        mine.is_split |= theirs.is_split;
        mine.refused_by = mine.refused_by.or(theirs.refused_by);
        tally.last_offset = tally.last_offset.max(other.tally.last_offset);
        tally.pageviews += other.tally.pageviews;
        tally.events += other.tally.events;
        if !other.texts.is_plain() {
            texts.forget_plain();
        }
        texts.forget_order();
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
