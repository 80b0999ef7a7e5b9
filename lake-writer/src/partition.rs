//! One topic partition on its way into its table: what it is doing, and the steps between that.

use std::time::Instant;

use bus::{Assignment, Record, Source};
use events::{NextOffset, Offset, Timestamp};
use lake::{Committed, Committer, LakeError, Mark, Next, Series};
use tables::Rolling;

use crate::Error;
use crate::gathering::{Gathering, Taken};
use crate::holes::Holes;
use crate::job::{Cut, Job, Jobs, Outcome};
use crate::log::Log;
use crate::memory::{Load, Stage, Weight};
use crate::report::{self, Summary};

/// A topic partition that is ours.
pub(crate) struct Partition {
    source: Source,
    series: Series,
    number: u64,
    rolling: Rolling,
    /// The group's position when the partition was given to us.
    group_position: NextOffset,
    /// What the worker would hand out next.
    reads_at: Option<NextOffset>,
    /// No record that was not handed out stands before this. Offsets without a record may lie before it.
    read_to: NextOffset,
    /// When the log took the newest record of the batch that was cut last.
    cut_appended: Option<Timestamp>,
    holes: Holes,
    phase: Phase,
}

enum Phase {
    /// Records are gathering.
    Gathering(Box<Committer>, Box<Gathering>),
    /// A job waits to be started; what its batch takes in memory.
    Waiting(Job, Weight),
    /// A job is on its way; what its batch takes in memory.
    Busy(Weight),
}

/// What a job's outcome means for the loop.
pub(crate) enum Moved {
    /// It worked; how far the partition is now, where the group does not know it yet.
    On(Option<Mark>),
    /// The store is away: the job waits to be started again.
    Back(LakeError),
}

impl Partition {
    pub(crate) fn new(
        Assignment { source, committed }: Assignment,
        series: Series,
        number: u64,
        rolling: Rolling,
    ) -> Self {
        Self {
            source,
            series,
            number,
            rolling,
            group_position: committed.unwrap_or(NextOffset::START),
            reads_at: None,
            read_to: NextOffset::START,
            cut_appended: None,
            holes: Holes::default(),
            phase: Phase::Waiting(Job::Open, Weight::default()),
        }
    }

    /// Tells it from another one of the same source.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether it takes no records now.
    pub(crate) fn is_paused(&self) -> bool {
        !matches!(self.phase, Phase::Gathering(..))
    }

    /// What is gathering, if anything is.
    pub(crate) fn gathering(&self) -> Option<&Gathering> {
        match &self.phase {
            Phase::Gathering(_, gathering) => Some(gathering),
            Phase::Waiting(..) | Phase::Busy(_) => None,
        }
    }

    /// What gathers and may be cut where it is.
    pub(crate) fn cuttable(&self) -> Option<&Gathering> {
        self.gathering().filter(|gathering| gathering.may_be_cut())
    }

    /// What it has in memory, and what that is.
    pub(crate) fn load(&self) -> Load {
        let (bytes, stage) = match &self.phase {
            Phase::Gathering(_, gathering) if gathering.is_made_again() => (gathering.bytes(), Stage::Again),
            Phase::Gathering(_, gathering) => (gathering.bytes(), Stage::Gathers),
            Phase::Waiting(_, weight) | Phase::Busy(weight) => (weight.get(), Stage::Cut),
        };
        Load { source: self.source, bytes, stage }
    }

    /// Whether everything before this position is committed.
    pub(crate) fn is_committed_to(&self, end: NextOffset) -> bool {
        self.gathering().is_some_and(|gathering| gathering.is_empty() && self.seen_to(gathering) >= end)
    }

    /// Where all that was read is committed: where its chain stands, and the position to which it was read, which may lie
    /// behind offsets that hold no record.
    pub(crate) fn idle_at(&self) -> Option<(NextOffset, NextOffset)> {
        let Phase::Gathering(committer, gathering) = &self.phase else { return None };
        let is_idle = gathering.is_empty() && !gathering.is_made_again();
        is_idle.then(|| (committer.chain().position(), self.seen_to(gathering)))
    }

    /// The worker has handed out everything before this position.
    pub(crate) fn read_to(&mut self, position: NextOffset) {
        self.read_to = position;
    }

    /// Everything before this is in the batch that gathers or in one before it, offsets without a record left aside.
    pub(crate) fn seen_to(&self, gathering: &Gathering) -> NextOffset {
        let took_all = self.reads_at == Some(gathering.position());
        if took_all { gathering.position().max(self.read_to) } else { gathering.position() }
    }

    /// The position from which the worker must hand out records, if it is another one than it would.
    pub(crate) fn seek(&mut self) -> Option<NextOffset> {
        let position = self.gathering()?.position();
        if self.reads_at.replace(position) == Some(position) {
            return None;
        }
        self.read_to = NextOffset::START;
        Some(position)
    }

    /// Takes records as far as the batch goes. What is left is read again later.
    pub(crate) fn take(&mut self, records: &[Record], log: &Log<'_>, now: Instant) -> Result<(), Error> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(()) };
        self.reads_at = Some(last.offset.next());
        let has_lost = self.has_lost(first.offset, log, now)?;
        if has_lost && self.cuttable().is_some() {
            // The next one names what it has lost: each batch names what is missing at its start.
            self.cut();
        }
        let Phase::Gathering(committer, gathering) = &mut self.phase else { return Ok(()) };
        if has_lost {
            **gathering = log.begin(&self.series, committer, self.source)?;
        }
        let mut skipped = 0;
        for record in records {
            if gathering.is_full(&self.rolling) {
                break;
            }
            if let Taken::Skipped(error) = gathering.take(record, now) {
                if skipped == 0 {
                    tracing::warn!(source = %self.source, offset = %record.offset, %error, "skipped a record");
                }
                skipped += 1;
            }
        }
        if skipped > 0 {
            report::unreadable(self.series.table, skipped, 0);
        }
        self.cut_if_full();
        Ok(())
    }

    /// Whether what was expected to come before an offset has expired since the batch was begun.
    fn has_lost(&mut self, first: Offset, log: &Log<'_>, now: Instant) -> Result<bool, Error> {
        let Some(gathering) = self.gathering() else { return Ok(false) };
        let (position, is_empty) = (gathering.position(), gathering.is_empty());
        let missing = first.0 - position.0;
        if is_empty {
            // Nothing is given up by beginning anew, which finds out.
            return Ok(missing > 0);
        }
        Ok(self.holes.may_be_lost(missing, now) && log.bus.bounds(self.source)?.start > position)
    }

    fn cut_if_full(&mut self) {
        if self.gathering().is_some_and(|gathering| gathering.is_full(&self.rolling)) {
            self.cut();
        }
    }

    /// Cuts the batch where it is.
    pub(crate) fn cut(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Busy(Weight::default())) {
            Phase::Gathering(committer, gathering) => {
                report::unreadable(self.series.table, 0, gathering.unreadable_cells());
                self.cut_appended = gathering.appended();
                let weight = Weight::of(gathering.bytes());
                Phase::Waiting(Job::Write(committer, Cut::Gathered(gathering)), weight)
            }
            other => other,
        };
    }

    /// Starts the job that waits. Gives whether one did.
    pub(crate) fn start_job(&mut self, jobs: &Jobs) -> bool {
        match std::mem::replace(&mut self.phase, Phase::Busy(Weight::default())) {
            Phase::Waiting(job, weight) => {
                self.phase = Phase::Busy(weight.clone());
                jobs.start(self.source, self.number, self.series.clone(), job, weight);
                true
            }
            other => {
                self.phase = other;
                false
            }
        }
    }

    /// Goes on with what came of the job.
    pub(crate) fn move_on(&mut self, outcome: Outcome, log: &Log<'_>, summary: &mut Summary) -> Result<Moved, Error> {
        let (committer, end) = match outcome {
            Outcome::Opened(Ok(committer)) => {
                let stands = self.group_position_to_mend(&committer, log);
                (committer, stands.map(|offset| Mark { offset, complete_through: None }))
            }
            Outcome::Opened(Err(error)) if error.may_pass() => {
                self.phase = Phase::Waiting(Job::Open, Weight::default());
                return Ok(Moved::Back(error));
            }
            Outcome::Failed { committer, cut, error } => {
                let weight = match &cut {
                    Cut::Encoded(batch) => Weight::of(batch.bytes()),
                    Cut::Gathered(gathering) => Weight::of(gathering.bytes()),
                };
                self.phase = Phase::Waiting(Job::Write(committer, cut), weight);
                return Ok(Moved::Back(error));
            }
            Outcome::Opened(Err(error)) | Outcome::Lost(error) => return Err(error.into()),
            Outcome::Written { committer, committed: Committed::Overtaken, .. } => {
                tracing::warn!(source = %self.source, "another lake-writer was first; going on behind it");
                (committer, None)
            }
            Outcome::Written { committer, committed: Committed::Done, batch, took } => {
                summary.committed(&batch, took);
                (committer, Some(Mark { offset: batch.record().end, complete_through: self.cut_appended }))
            }
        };
        let gathering = log.begin(&self.series, &committer, self.source)?;
        self.phase = Phase::Gathering(committer, Box::new(gathering));
        // A batch that must be made again may have nothing left to read.
        self.cut_if_full();
        Ok(Moved::On(end))
    }

    /// Where the chain stands, if the group says otherwise: a lake-writer ended or lost the partition just before it said how
    /// far it was, the offset expired, or somebody has reset it. The chain holds.
    fn group_position_to_mend(&self, committer: &Committer, log: &Log<'_>) -> Option<NextOffset> {
        // A batch that must be finished first has its end committed then.
        let Next::Append(position) = committer.next() else { return None };
        if position == self.group_position {
            return None;
        }
        let (source, committed) = (&self.source, &self.group_position);
        if log.is_made_anew {
            // A log that is made anew has a group without any offset: nothing is wrong.
            tracing::debug!(%source, %position, %committed, "the lake holds this much of an earlier run");
        } else {
            tracing::warn!(
                %source, %position, %committed,
                "the group's offset is not where the lake's batches end, which holds: a lake-writer ended or lost the \
                 partition between a batch and its commit, the offset expired, or somebody has reset it"
            );
        }
        Some(position)
    }

    /// Fails where the chain lies beyond the topic's end, now that the topic is known to be whole.
    pub(crate) fn check_end(&self, start: NextOffset, end: NextOffset) -> Result<(), LakeError> {
        match &self.phase {
            Phase::Gathering(committer, _) | Phase::Waiting(Job::Write(committer, _), _) => {
                committer.chain().expired(&self.series, start, end).map(|_| ())
            }
            Phase::Waiting(Job::Open, _) | Phase::Busy(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
