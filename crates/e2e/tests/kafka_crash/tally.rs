//! What became of the rounds, kind by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::blow::Round;

/// What became of the rounds of one kind.
#[derive(Clone, Copy, Default, Debug)]
struct Count {
    rounds: usize,
    acknowledged: usize,
    missing: usize,
    doubled: usize,
    sessions_equal: usize,
}

/// What became of all rounds.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    kinds: BTreeMap<Round, Count>,
    /// Everything that must not be.
    pub(crate) faults: Vec<String>,
}

impl Tally {
    /// Counts a life's rounds, each with the number of its first hit: hits that were acknowledged, that are missing and that
    /// are there more than once. Sessions are those of the whole life.
    pub(crate) fn add(&mut self, rounds: &[(u64, Round)], hits: [&BTreeSet<String>; 3], sessions_are_equal: bool) {
        let number = |id: &str| u64::from_str_radix(id.rsplit_once('-').unwrap().1, 16).unwrap();
        for (at, &(from, round)) in rounds.iter().enumerate() {
            // What was sent before the first blow counts with it.
            let from = if at == 0 { 0 } else { from };
            let to = rounds.get(at + 1).map_or(u64::MAX, |(next, _)| *next);
            let of_round = |ids: &BTreeSet<String>| ids.iter().filter(|id| (from..to).contains(&number(id))).count();
            let [acknowledged, missing, doubled] = hits.map(of_round);
            let count = self.kinds.entry(round).or_default();
            count.rounds += 1;
            count.acknowledged += acknowledged;
            count.missing += missing;
            count.doubled += doubled;
            count.sessions_equal += usize::from(sessions_are_equal);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ("round", "rounds", "acknowledged", "missing", "doubled", "sessions equal");
        writeln!(f, "{:<28}{:>8}{:>14}{:>9}{:>9}{:>16}", header.0, header.1, header.2, header.3, header.4, header.5)?;
        let mut all = Count::default();
        let line = |f: &mut fmt::Formatter<'_>, name: &str, count: &Count| {
            let Count { rounds, acknowledged, missing, doubled, sessions_equal } = count;
            writeln!(f, "{name:<28}{rounds:>8}{acknowledged:>14}{missing:>9}{doubled:>9}{sessions_equal:>16}")
        };
        for (round, count) in &self.kinds {
            line(f, &round.to_string(), count)?;
            all.rounds += count.rounds;
            all.acknowledged += count.acknowledged;
            all.missing += count.missing;
            all.doubled += count.doubled;
            all.sessions_equal += count.sessions_equal;
        }
        line(f, "all", &all)?;
        self.faults.iter().take(20).try_for_each(|fault| writeln!(f, "{fault}"))
    }
}
