//! What became of the draws: by kind, how many fell at each step.

use std::collections::BTreeMap;
use std::fmt;

use crate::blow::{Blow, KINDS, Kind, STEPS, Step};
use crate::support::watcher::Seen;

/// What became of all draws.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    fell: BTreeMap<(Kind, Step), usize>,
    draws: BTreeMap<Kind, usize>,
    lakes: usize,
    rows: usize,
    polls: usize,
    most_twice: usize,
    /// Lakes in which batches were folded.
    pub(crate) folded: usize,
    /// Everything that must not be.
    pub(crate) faults: Vec<String>,
}

impl Tally {
    /// A draw; whether its blow fell.
    pub(crate) fn draw(&mut self, blow: &Blow, fell: bool) {
        *self.draws.entry(blow.kind).or_default() += 1;
        if fell {
            *self.fell.entry((blow.kind, blow.step)).or_default() += 1;
        }
    }

    /// What the reader of a lake has seen until its end.
    pub(crate) fn lake(&mut self, seen: &Seen) {
        self.lakes += 1;
        self.rows += seen.ids.len();
        self.polls += seen.polls;
        self.most_twice = self.most_twice.max(seen.most_twice);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        let Self { fell, draws, lakes, rows, polls, most_twice, folded, faults } = other;
        fell.into_iter().for_each(|(at, count)| *self.fell.entry(at).or_default() += count);
        draws.into_iter().for_each(|(kind, count)| *self.draws.entry(kind).or_default() += count);
        self.lakes += lakes;
        self.rows += rows;
        self.polls += polls;
        self.most_twice = self.most_twice.max(most_twice);
        self.folded += folded;
        self.faults.extend(faults);
    }

    /// How many blows fell at a step.
    pub(crate) fn fell_at(&self, step: Step) -> usize {
        self.fell.iter().filter(|((_, at), _)| *at == step).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: String, drawn: usize, fell: &dyn Fn(Step) -> usize| {
            write!(f, "{name:<31}{drawn:>6}{:>6}", STEPS.into_iter().map(fell).sum::<usize>())?;
            STEPS.into_iter().try_for_each(|step| write!(f, "{:>10}", fell(step)))?;
            writeln!(f)
        };
        write!(f, "{:<31}{:>6}{:>6}", "draw", "draws", "fell")?;
        STEPS.into_iter().try_for_each(|step| write!(f, "{step:>10}"))?;
        writeln!(f)?;
        for kind in KINDS {
            // These happen at every step, and are counted at the one that was drawn beside them.
            let drawn = self.draws.get(&kind).copied().unwrap_or_default();
            line(f, kind.to_string(), drawn, &|step| self.fell.get(&(kind, step)).copied().unwrap_or_default())?;
        }
        line(f, "all".to_owned(), self.draws.values().sum(), &|step| self.fell_at(step))?;
        let Self { lakes, rows, polls, most_twice, folded, .. } = self;
        writeln!(
            f,
            "{lakes} lakes, {folded} of them folded, {rows} hits; a reader's {polls} polls, most rows seen twice: {most_twice}"
        )?;
        self.faults.iter().take(20).try_for_each(|fault| writeln!(f, "{fault}"))
    }
}
