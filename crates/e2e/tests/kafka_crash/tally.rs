//! What became of the rounds, kind by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::blow::Round;

/// What became of the rounds of one kind.
#[derive(Clone, Copy, Default, Debug)]
struct Count {
    rounds: usize,
    /// Rounds of lives that failed before anybody looked for their hits.
    unjudged: usize,
    acknowledged: usize,
    missing: usize,
    doubled: usize,
    sessions_equal: usize,
}

/// What became of all rounds.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    kinds: BTreeMap<Round, Count>,
    /// Rounds of the life that goes on, each with the number of its first hit.
    struck: Vec<(u64, Round)>,
    /// How many hits of it were acknowledged when its last round was over.
    acknowledged: usize,
    /// Everything that must not be.
    pub(crate) faults: Vec<String>,
}

impl Tally {
    /// A blow of the life that goes on falls now: it will count whatever becomes of the life.
    pub(crate) fn begin_round(&mut self, first_hit: u64, round: Round) {
        self.struck.push((first_hit, round));
    }

    /// Everything flows again behind the blow, and so many hits are acknowledged.
    pub(crate) fn end_round(&mut self, acknowledged: usize) {
        self.acknowledged = acknowledged;
    }

    /// The life has failed, and nobody can judge its hits.
    pub(crate) fn give_up(&mut self, life: &str, what: &str) {
        let rounds = std::mem::take(&mut self.struck);
        let (count, hits) = (rounds.len(), std::mem::take(&mut self.acknowledged));
        self.faults.push(format!("{life} failed; of {count} rounds and {hits} hits or more nothing is judged: {what}"));
        for (_, round) in rounds {
            let count = self.kinds.entry(round).or_default();
            count.rounds += 1;
            count.unjudged += 1;
        }
    }

    /// Counts the rounds of a life that is over: hits that were acknowledged, that are missing and that are there more than
    /// once. Sessions are those of the whole life.
    pub(crate) fn judge(&mut self, hits: [&BTreeSet<String>; 3], sessions_are_equal: bool) {
        self.acknowledged = 0;
        let rounds = std::mem::take(&mut self.struck);
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
        let [name, columns @ ..] =
            ["round", "rounds", "unjudged", "acknowledged", "missing", "doubled", "sessions equal"];
        let [rounds, unjudged, acknowledged, missing, doubled, equal] = columns;
        writeln!(f, "{name:<28}{rounds:>8}{unjudged:>10}{acknowledged:>14}{missing:>9}{doubled:>9}{equal:>16}")?;
        let mut all = Count::default();
        let line = |f: &mut fmt::Formatter<'_>, name: &str, count: &Count| {
            let Count { rounds, unjudged, acknowledged, missing, doubled, sessions_equal: equal } = count;
            writeln!(f, "{name:<28}{rounds:>8}{unjudged:>10}{acknowledged:>14}{missing:>9}{doubled:>9}{equal:>16}")
        };
        for (round, count) in &self.kinds {
            line(f, &round.to_string(), count)?;
            all.rounds += count.rounds;
            all.unjudged += count.unjudged;
            all.acknowledged += count.acknowledged;
            all.missing += count.missing;
            all.doubled += count.doubled;
            all.sessions_equal += count.sessions_equal;
        }
        line(f, "all", &all)?;
        self.faults.iter().take(20).try_for_each(|fault| writeln!(f, "{fault}"))
    }
}
