//! The second oracle, simpler still: sort, then cut. Right only where nobody is late and no maximum is in reach.

use std::collections::{BTreeMap, BTreeSet};

use super::Entry;

/// A session as cutting finds it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the fields are named as in the session's record; times are milliseconds")]
pub struct SplitSession {
    pub site: String,
    pub visitor: String,
    pub start: i64,
    pub end: i64,
    pub hit_count: usize,
    pub first_offset: i64,
    pub last_offset: i64,
}

/// The sessions of a log, sorted: each visitor's hits, the first of each id, in order of time, cut where two
/// neighbours are more than the gap apart. Knows no clamping.
pub fn sort_and_split(gap: i64, log: &[Entry]) -> Vec<SplitSession> {
    let mut seen = BTreeSet::new();
    let mut hits: BTreeMap<(&str, &str), Vec<(i64, i64)>> = BTreeMap::new();
    for entry in log {
        if let Entry::Hit { offset, event_time, site, visitor: Some(visitor), hit_id, .. } = entry
            && seen.insert((site, visitor, hit_id))
        {
            hits.entry((site, visitor)).or_default().push((*event_time, *offset));
        }
    }

    let mut sessions = Vec::new();
    for ((site, visitor), mut hits) in hits {
        hits.sort_unstable();
        for run in hits.chunk_by(|earlier, later| later.0 - earlier.0 <= gap) {
            sessions.push(SplitSession {
                site: site.to_owned(),
                visitor: visitor.to_owned(),
                start: run[0].0,
                end: run[run.len() - 1].0,
                hit_count: run.len(),
                first_offset: run.iter().map(|hit| hit.1).min().expect("a run has a hit"),
                last_offset: run.iter().map(|hit| hit.1).max().expect("a run has a hit"),
            });
        }
    }
    sessions.sort();
    sessions
}
