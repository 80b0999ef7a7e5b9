//! One topic partition on its way into its table: what it is doing, and the steps between that.

use std::time::Instant;

use bus::{Record, SharedBus, Source};
use events::NextOffset;
use lake::{Batch, Committed, Committer, Lake, LakeError, Series};
use tables::{Layout, Rolling};
use tokio::runtime::Handle;

use crate::Error;
use crate::gathering::{Gathering, Taken};
use crate::report::{self, Summary};

/// A topic partition that is ours.
pub(crate) struct Partition {
    source: Source,
    series: Series,
    rolling: Rolling,
    /// What the worker would hand out next.
    reads_at: Option<NextOffset>,
    phase: Phase,
}

enum Phase {
    /// The chain has not been found yet.
    Opening,
    /// Records are gathering.
    Gathering(Committer, Box<Gathering>),
    /// A batch is cut and not committed yet.
    Cut(Committer, Box<Batch>),
    /// Between two phases, within one call.
    Moving,
}

/// What a step needs from around it.
pub(crate) struct Around<'a> {
    pub(crate) bus: &'a SharedBus,
    pub(crate) lake: &'a Lake,
    pub(crate) runtime: &'a Handle,
    pub(crate) layout: Layout,
    /// Whether the topic may still be filling up to where its chain ends: a replay that runs again.
    pub(crate) may_lie_ahead: bool,
}

impl Partition {
    pub(crate) fn new(source: Source, series: Series, rolling: Rolling) -> Self {
        Self { source, series, rolling, reads_at: None, phase: Phase::Opening }
    }

    /// Whether it waits for the store: for its chain, or for a batch to be committed.
    pub(crate) fn waits_for_store(&self) -> bool {
        !matches!(self.phase, Phase::Gathering(..))
    }

    /// What is gathering, if anything is.
    pub(crate) fn gathering(&self) -> Option<&Gathering> {
        match &self.phase {
            Phase::Gathering(_, gathering) => Some(gathering),
            Phase::Opening | Phase::Cut(..) | Phase::Moving => None,
        }
    }

    /// Whether everything before this position is committed.
    pub(crate) fn is_committed_to(&self, end: NextOffset) -> bool {
        self.gathering().is_some_and(|gathering| gathering.is_empty() && gathering.position() >= end)
    }

    /// The position from which the worker must hand out records, if it is another one than it would.
    pub(crate) fn seek(&mut self) -> Option<NextOffset> {
        let position = self.gathering()?.position();
        (self.reads_at.replace(position) != Some(position)).then_some(position)
    }

    /// Takes records as far as the batch goes. What is left is read again later.
    pub(crate) fn take(&mut self, records: &[Record], around: &Around<'_>, now: Instant) -> Result<(), Error> {
        let Some(last) = records.last() else { return Ok(()) };
        self.reads_at = Some(last.offset.next());
        self.note_gap(records[0].offset.0, around)?;
        let Phase::Gathering(_, gathering) = &mut self.phase else { return Ok(()) };
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
        if gathering.is_full(&self.rolling) {
            self.cut(around)?;
        }
        Ok(())
    }

    /// Where the first record of a batch is not the expected one, others may have expired before it was read.
    fn note_gap(&mut self, first: i64, around: &Around<'_>) -> Result<(), Error> {
        let is_gap = self.gathering().is_some_and(|gathering| gathering.is_empty() && first > gathering.position().0);
        if is_gap {
            let Phase::Gathering(committer, _) = std::mem::replace(&mut self.phase, Phase::Moving) else {
                unreachable!("only what gathers has a gap");
            };
            self.begin(committer, around)?;
        }
        Ok(())
    }

    /// Cuts the batch where it is.
    pub(crate) fn cut(&mut self, around: &Around<'_>) -> Result<(), LakeError> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Moving) {
            Phase::Gathering(committer, gathering) => {
                report::unreadable(self.series.table, 0, gathering.unreadable_cells());
                Phase::Cut(committer, Box::new(gathering.finish(&self.series, around.layout)?))
            }
            other => other,
        };
        Ok(())
    }

    /// Does what waits for the store. Gives the position to commit for the group, if a batch was committed.
    ///
    /// After an error that may pass, the same call goes on where it stopped.
    pub(crate) fn call_store(
        &mut self,
        around: &Around<'_>,
        summary: &mut Summary,
    ) -> Result<Option<NextOffset>, Error> {
        match std::mem::replace(&mut self.phase, Phase::Moving) {
            Phase::Opening => {
                self.phase = Phase::Opening;
                let committer = around.runtime.block_on(Committer::open(around.lake, self.series.clone()))?;
                self.begin(committer, around)?;
                Ok(None)
            }
            Phase::Cut(mut committer, batch) => {
                let started = Instant::now();
                let committed = match around.runtime.block_on(committer.commit(&batch)) {
                    Ok(committed) => committed,
                    Err(error) => {
                        self.phase = Phase::Cut(committer, batch);
                        return Err(error.into());
                    }
                };
                match committed {
                    Committed::Done => summary.committed(&batch, started.elapsed()),
                    Committed::Overtaken => {
                        tracing::warn!(source = %self.source, "another lake-writer was first; going on behind it");
                    }
                }
                self.begin(committer, around)?;
                Ok((committed == Committed::Done).then_some(batch.record().end))
            }
            other => {
                self.phase = other;
                Ok(None)
            }
        }
    }

    /// Begins what the chain asks for next.
    fn begin(&mut self, committer: Committer, around: &Around<'_>) -> Result<(), Error> {
        let bounds = around.bus.bounds(self.source)?;
        let end = if around.may_lie_ahead { bounds.end.max(committer.chain().position()) } else { bounds.end };
        let expired = committer.chain().expired(&self.series, bounds.start, end)?;
        if let Some(expired) = expired {
            tracing::warn!(source = %self.source, from = %expired.from, to = %expired.to, "offsets have expired unread");
        }
        let gathering = Gathering::begin(&self.series, committer.next(), expired);
        // A batch that must be made again may have nothing left to read.
        let is_full = gathering.is_full(&self.rolling);
        self.phase = Phase::Gathering(committer, Box::new(gathering));
        if is_full {
            self.cut(around)?;
        }
        Ok(())
    }

    /// Fails where the chain lies beyond the topic's end, now that the topic is known to be whole.
    pub(crate) fn check_end(&self, start: NextOffset, end: NextOffset) -> Result<(), LakeError> {
        match &self.phase {
            Phase::Gathering(committer, _) | Phase::Cut(committer, _) => {
                committer.chain().expired(&self.series, start, end).map(|_| ())
            }
            Phase::Opening | Phase::Moving => Ok(()),
        }
    }
}
