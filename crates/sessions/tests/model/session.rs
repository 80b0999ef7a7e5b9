//! One open session, and what is left of a final one.

use super::{ClosedBy, Details, FinalSession, Kind, Known, Settings};

/// R16: how many pages a final session lists.
const MAX_PAGES: usize = 100;

/// R16: how many bytes of a title it lists.
const MAX_TITLE_BYTES: usize = 256;

/// First and last time, both inclusive.
pub type TimeSpan = (i64, i64);

/// How far a time is from a span: nothing inside, else the way to the nearer edge.
pub fn distance(time: i64, (start, end): TimeSpan) -> i64 {
    if time < start {
        start - time
    } else if time > end {
        time - end
    } else {
        0
    }
}

/// How far two spans are from each other: nothing where they touch or overlap.
pub fn distance_between(one: TimeSpan, other: TimeSpan) -> i64 {
    (one.0.max(other.0) - one.1.min(other.1)).max(0)
}

/// A hit that a session counts, at its time after clamping.
#[derive(Clone)]
pub struct Member {
    pub offset: i64,
    pub time: i64,
    pub hit_id: String,
    pub kind: Kind,
}

/// A session that can still change.
pub struct Session {
    pub id: String,
    pub site: String,
    pub visitor: String,
    pub hits: Vec<Member>,
    pub floor: i64,
    pub is_split: bool,
    pub refused_by: Option<ClosedBy>,
    pub merged_ids: Vec<String>,
}

/// What a final session leaves.
pub struct Stub {
    pub id: String,
    pub site: String,
    pub visitor: String,
    pub span: TimeSpan,
    pub hit_ids: Vec<String>,
}

impl Session {
    pub fn start(&self) -> i64 {
        self.hits.iter().map(|hit| hit.time).min().expect("a session has a hit")
    }

    pub fn end(&self) -> i64 {
        self.hits.iter().map(|hit| hit.time).max().expect("a session has a hit")
    }

    pub fn span(&self) -> TimeSpan {
        (self.start(), self.end())
    }

    pub fn belongs_to(&self, site: &str, visitor: &str) -> bool {
        self.site == site && self.visitor == visitor
    }

    pub fn knows(&self, hit_id: &str) -> bool {
        self.hits.iter().any(|hit| hit.hit_id == hit_id)
    }

    /// R7: which maximum forbids that the session comes to cover `other` too, with so many more hits.
    pub fn refuses(&self, other: TimeSpan, more_hits: usize, settings: &Settings) -> Option<ClosedBy> {
        let start = self.start().min(other.0);
        let end = self.end().max(other.1);
        if end - start > settings.max_session {
            Some(ClosedBy::MaxDuration)
        } else if self.hits.len() + more_hits > settings.max_hits {
            Some(ClosedBy::MaxHits)
        } else {
            None
        }
    }

    /// R15: only the first refusal is kept.
    pub fn note_refusal(&mut self, refusal: ClosedBy) {
        if self.refused_by.is_none() {
            self.refused_by = Some(refusal);
        }
    }

    pub fn stub(&self) -> Stub {
        Stub {
            id: self.id.clone(),
            site: self.site.clone(),
            visitor: self.visitor.clone(),
            span: self.span(),
            hit_ids: self.hits.iter().map(|hit| hit.hit_id.clone()).collect(),
        }
    }

    /// Its hits in the order in which they happened; on ties the lower offset comes first.
    fn in_time(&self) -> Vec<Member> {
        let mut hits = self.hits.clone();
        hits.sort_by_key(|hit| (hit.time, hit.offset));
        hits
    }

    /// What it knows from its hits, which tell so much at their offsets.
    pub fn known(&self, details: &dyn Fn(i64) -> Details) -> Known {
        let told: Vec<(Member, Details)> =
            self.in_time().into_iter().map(|hit| (hit.clone(), details(hit.offset))).collect();

        // R17: the user of the highest time that has one; on ties the lower offset, which stands before.
        let with_user: Vec<_> = told.iter().filter(|(_, details)| details.user_id.is_some()).collect();
        let latest = with_user.iter().map(|(hit, _)| hit.time).max();
        let user_id =
            with_user.iter().find(|(hit, _)| Some(hit.time) == latest).and_then(|(_, said)| said.user_id.clone());

        // R16
        let pages = told.iter().filter(|(hit, _)| matches!(hit.kind, Kind::PageView { path: Some(_) }));
        let titles = pages.take(MAX_PAGES).map(|(_, details)| details.title.as_deref().map(cut)).collect();

        // R17: on ties the lower offset.
        Known { visit: told[0].1.visit.clone(), user_id, titles }
    }

    /// The record; `otherwise` ended the session where no maximum refused anything (R15).
    pub fn finish(&self, otherwise: ClosedBy, closed_at: i64) -> FinalSession {
        let in_time = self.in_time();

        let mut pages = Vec::new();
        let mut pageview_count = 0;
        let mut event_count = 0;
        let mut engaged_ms = 0;
        for hit in &in_time {
            match &hit.kind {
                Kind::PageView { path } => {
                    pageview_count += 1;
                    // R16, and the session's record: a page has a path, so a page view without one is no page.
                    if let Some(path) = path {
                        pages.push((hit.time, hit.offset, path.clone()));
                    }
                }
                Kind::Custom => event_count += 1,
                Kind::Engagement { engaged_ms: spent } => engaged_ms += spent,
                Kind::Request => {}
            }
        }

        // R16: the page of the lowest time, and the page of the highest; on ties the lower offset.
        let entry_page = pages.first().map(|(_, _, path)| path.clone());
        let latest = pages.iter().map(|(time, _, _)| *time).max();
        let exit_page = pages.iter().find(|(time, _, _)| Some(*time) == latest).map(|(_, _, path)| path.clone());
        // R16: the earliest hundred.
        let pages_truncated = pages.len() > MAX_PAGES;
        pages.truncate(MAX_PAGES);

        FinalSession {
            session_id: self.id.clone(),
            site: self.site.clone(),
            visitor: self.visitor.clone(),
            start: self.start(),
            end: self.end(),
            duration_ms: self.end() - self.start(),
            hit_count: self.hits.len(),
            pageview_count,
            event_count,
            is_bounce: pageview_count == 1 && event_count == 0,
            engaged_ms,
            pages,
            pages_truncated,
            entry_page,
            exit_page,
            known: None,
            closed_by: self.refused_by.unwrap_or(otherwise),
            is_split: self.is_split,
            merged_ids: self.merged_ids.clone(),
            // R19
            first_offset: self.hits.iter().map(|hit| hit.offset).min().expect("a session has a hit"),
            last_offset: self.hits.iter().map(|hit| hit.offset).max().expect("a session has a hit"),
            closed_at,
        }
    }
}

impl Stub {
    pub fn belongs_to(&self, site: &str, visitor: &str) -> bool {
        self.site == site && self.visitor == visitor
    }
}

/// R16: as many whole characters of a title as fit.
fn cut(title: &str) -> String {
    let mut cut = String::new();
    for character in title.chars() {
        if cut.len() + character.len_utf8() > MAX_TITLE_BYTES {
            break;
        }
        cut.push(character);
    }
    cut
}
