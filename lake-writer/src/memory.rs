//! One bound over everything that is in memory: which batch is cut, and who may still read. Pure.
//!
//! What is counted is what partitions hold: rows that gather, rows that wait for an encoder, files on their way. Above it may
//! lie what one poll hands over, and one batch that must be made again: its size was fixed when it was begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bus::Source;

/// What a batch takes that is cut, in bytes: its rows', then its files'. Shared with the job that encodes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weight(Arc<AtomicUsize>);

impl Weight {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    pub(crate) fn set(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one partition has in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Load {
    pub(crate) source: Source,
    /// In bytes.
    pub(crate) bytes: usize,
    pub(crate) stage: Stage,
}

/// How far a partition's batch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// It gathers, and may be cut where it is unless it is empty.
    Gathers,
    /// It gathers, and ends where it ended before: a batch that is made again.
    Again,
    /// It is cut.
    Cut,
}

/// Who may read while memory is as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Readers {
    /// Everybody whose batch gathers.
    All,
    /// This one alone, so that its batch comes to its end.
    Only(Source),
    /// Nobody, until something was committed.
    Nobody,
}

/// The bound, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Memory(pub(crate) usize);

impl Memory {
    /// What may gather. The other half is for what is on its way, so that reading goes on meanwhile.
    pub(crate) fn for_gathering(self) -> usize {
        self.0 / 2
    }

    /// The batch to cut, if too much gathers: the largest.
    pub(crate) fn to_cut(self, loads: &[Load]) -> Option<Source> {
        let gathers = || loads.iter().filter(|load| load.stage == Stage::Gathers && load.bytes > 0);
        let is_over = gathers().map(|load| load.bytes).sum::<usize>() > self.for_gathering();
        gathers().max_by_key(|load| load.bytes).filter(|_| is_over).map(|load| load.source)
    }

    /// Who may read. A batch that is made again cannot be cut: while memory is short, one of them comes to its end, the
    /// one that has come furthest.
    pub(crate) fn readers(self, loads: &[Load]) -> Readers {
        if total(loads) <= self.0 {
            return Readers::All;
        }
        let again = loads.iter().filter(|load| load.stage == Stage::Again);
        again.max_by_key(|load| load.bytes).map_or(Readers::Nobody, |load| Readers::Only(load.source))
    }
}

/// What all of them have in memory, in bytes.
pub(crate) fn total(loads: &[Load]) -> usize {
    loads.iter().map(|load| load.bytes).sum()
}

impl Readers {
    pub(crate) fn include(self, source: Source) -> bool {
        match self {
            Self::All => true,
            Self::Only(one) => one == source,
            Self::Nobody => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use events::Topic;
    use proptest::prelude::*;

    use super::*;

    fn source(partition: u32) -> Source {
        Source { topic: Topic::HitsEnriched, partition }
    }

    fn load(partition: u32, bytes: usize, stage: Stage) -> Load {
        Load { source: source(partition), bytes, stage }
    }

    #[test]
    fn the_largest_batch_is_cut_once_a_half_gathers() {
        let loads = [load(0, 30, Stage::Gathers), load(1, 40, Stage::Gathers), load(2, 90, Stage::Cut)];
        assert_eq!(Memory(140).to_cut(&loads), None);
        assert_eq!(Memory(139).to_cut(&loads), Some(source(1)));
        assert_eq!(Memory(0).to_cut(&[load(0, 0, Stage::Gathers)]), None);
    }

    #[test]
    fn while_memory_is_short_nobody_reads_but_one_batch_that_is_made_again() {
        let loads = [load(0, 30, Stage::Gathers), load(1, 40, Stage::Cut)];
        assert_eq!(Memory(70).readers(&loads), Readers::All);
        assert_eq!(Memory(69).readers(&loads), Readers::Nobody);
        let again = [load(2, 10, Stage::Again), load(3, 20, Stage::Again)];
        assert_eq!(Memory(69).readers(&[&loads[..], &again].concat()), Readers::Only(source(3)));
    }

    const MOST: usize = 1000;
    const POLL: usize = 100;

    proptest! {
        /// Partitions gather what polls bring, and a cut batch is committed whenever the store likes.
        #[test]
        fn whatever_comes_all_of_it_together_stays_within_the_bound_and_one_poll(
            again in 0u32..4,
            turns in prop::collection::vec((0u32..40, 1usize..POLL, prop::option::of(0u32..40)), 1..600),
        ) {
            let mut loads: Vec<Load> = (0..40).map(|partition| load(partition, 0, Stage::Gathers)).collect();
            for partition in 0..again {
                // As large as a lake-writer of the same memory could have begun it.
                loads[partition as usize].stage = Stage::Again;
            }
            let memory = Memory(MOST);
            for (partition, bytes, committed) in turns {
                if let Some(source) = memory.to_cut(&loads) {
                    loads[source.partition as usize].stage = Stage::Cut;
                }
                let readers = memory.readers(&loads);
                let reader = &mut loads[partition as usize];
                if reader.stage != Stage::Cut && readers.include(reader.source) {
                    reader.bytes += bytes;
                    if reader.stage == Stage::Again && reader.bytes > MOST / 2 {
                        reader.stage = Stage::Cut;
                    }
                }
                if let Some(at) = committed.filter(|&at| loads[at as usize].stage == Stage::Cut) {
                    loads[at as usize] = load(at, 0, Stage::Gathers);
                }
                let one_again = if again > 0 { MOST / 2 + POLL } else { 0 };
                prop_assert!(total(&loads) <= MOST + POLL + one_again, "{}", total(&loads));
            }
        }
    }
}
