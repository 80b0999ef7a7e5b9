//! The chain of batch records: what the next step is. Pure, so that every case can be written down.

use events::NextOffset;

use crate::error::LakeError;
use crate::names::Series;
use crate::record::{BatchRecord, OffsetRange};

/// Where a chain stands.
///
/// A record is created only when every file of the one before stands. So only the last batch can be incomplete,
/// and whoever finds it so finishes it: same range, same layout, same names, same rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain(State);

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    /// Every batch is complete; the next one starts here.
    Complete(NextOffset),
    /// The last batch's record stands, and not all of its files are known to.
    Begun(BatchRecord),
}

/// What must happen next on a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next<'a> {
    /// A new batch may be made; it starts here.
    Append(NextOffset),
    /// This batch must be made again and its missing files written.
    Finish(&'a BatchRecord),
}

/// Whose record stands where a batch was to be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recorded {
    /// Ours: written now, or before its answer got lost, or by somebody who cut the same batch.
    Ours,
    /// Another writer's, with another range: it won.
    Theirs,
}

impl Chain {
    /// The chain as it was found: its last record, and whether all of that batch's files stand.
    pub fn found(last: Option<BatchRecord>, files_stand: bool) -> Self {
        Self(match last {
            None => State::Complete(NextOffset::START),
            Some(last) if files_stand => State::Complete(last.end),
            Some(last) => State::Begun(last),
        })
    }

    /// The chain of which nothing is left but folded batches, which are complete.
    pub(crate) fn folded_to(end: NextOffset) -> Self {
        Self(State::Complete(end))
    }

    /// What must happen next.
    pub fn next(&self) -> Next<'_> {
        match &self.0 {
            State::Complete(at) => Next::Append(*at),
            State::Begun(record) => Next::Finish(record),
        }
    }

    /// Where the next batch will start, once what is begun is finished.
    pub fn position(&self) -> NextOffset {
        match &self.0 {
            State::Complete(at) => *at,
            State::Begun(record) => record.end,
        }
    }

    /// A record stands under the name of ours: nobody's before (`None`), or the one given.
    pub(crate) fn recorded(&mut self, ours: &BatchRecord, standing: Option<&BatchRecord>) -> Recorded {
        debug_assert_eq!(self.next(), Next::Append(ours.start));
        if standing.is_some_and(|theirs| theirs != ours) {
            return Recorded::Theirs;
        }
        self.0 = State::Begun(ours.clone());
        Recorded::Ours
    }

    /// All files of the batch that was begun stand.
    pub(crate) fn files_stand(&mut self) {
        self.0 = State::Complete(self.position());
    }

    /// Holds the chain against what the topic has: `start` is the first position that can still be read, `end` the
    /// one behind the last record. Gives the offsets that the next batch should have and the topic no longer has.
    pub fn expired(
        &self,
        series: &Series,
        start: NextOffset,
        end: NextOffset,
    ) -> Result<Option<OffsetRange>, LakeError> {
        if self.position() > end {
            return Err(LakeError::BeyondEnd { series: series.clone(), chain: self.position(), end });
        }
        let (from, to) = match self.next() {
            Next::Append(at) => (at, start),
            Next::Finish(record) => (record.start, start.min(record.end)),
        };
        Ok((from < to).then_some(OffsetRange { from, to }))
    }
}

#[cfg(test)]
mod tests {
    use events::LogId;
    use tables::{Layout, Table};

    use super::*;

    fn series() -> Series {
        Series { table: Table::Hits, log_id: LogId::try_from("log1".to_owned()).unwrap(), partition: 0 }
    }

    fn record(start: i64, end: i64) -> BatchRecord {
        BatchRecord::new(&series(), NextOffset(start), NextOffset(end), 0, Layout::default())
    }

    #[test]
    fn what_is_found_decides_what_comes_next() {
        for (last, files_stand, next) in [
            (None, true, Next::Append(NextOffset(0))),
            (Some(record(5, 9)), true, Next::Append(NextOffset(9))),
            (Some(record(5, 9)), false, Next::Finish(&record(5, 9))),
        ] {
            assert_eq!(Chain::found(last, files_stand).next(), next);
        }
    }

    #[test]
    fn whose_record_stands_decides_whose_batch_it_is() {
        for (standing, whose, next) in [
            (None, Recorded::Ours, Next::Finish(&record(9, 12))),
            (Some(record(9, 12)), Recorded::Ours, Next::Finish(&record(9, 12))),
            (Some(record(9, 11)), Recorded::Theirs, Next::Append(NextOffset(9))),
        ] {
            let mut chain = Chain::found(Some(record(5, 9)), true);
            assert_eq!(chain.recorded(&record(9, 12), standing.as_ref()), whose);
            assert_eq!(chain.next(), next);
        }
    }

    #[test]
    fn a_batch_ends_where_the_next_one_starts() {
        let mut chain = Chain::found(Some(record(5, 9)), false);
        chain.files_stand();
        assert_eq!(chain.next(), Next::Append(NextOffset(9)));
    }

    #[test]
    fn what_the_topic_no_longer_has_is_named() {
        let complete = Chain::found(Some(record(0, 9)), true);
        let begun = Chain::found(Some(record(5, 9)), false);
        let range = |from, to| Some(OffsetRange { from: NextOffset(from), to: NextOffset(to) });
        for (chain, start, lost) in [
            (&complete, 0, None),
            (&complete, 9, None),
            (&complete, 12, range(9, 12)),
            (&begun, 5, None),
            (&begun, 7, range(5, 7)),
            (&begun, 12, range(5, 9)),
        ] {
            assert_eq!(chain.expired(&series(), NextOffset(start), NextOffset(20)).unwrap(), lost, "{start}");
        }
    }

    #[test]
    fn a_chain_beyond_the_topics_end_is_refused_in_one_line() {
        let chain = Chain::found(Some(record(0, 9)), true);
        assert!(chain.expired(&series(), NextOffset(0), NextOffset(9)).is_ok());
        let error = chain.expired(&series(), NextOffset(0), NextOffset(8)).unwrap_err().to_string();
        assert!(error.contains("hits/0 of log log1") && !error.contains('\n'), "{error}");
    }
}
