//! Up to which time lines are believed.
//!
//! A line that lies in the future is wrong, and one of them would let everything behind it come too late. Where the future
//! begins only a clock knows, and a clock says something else tomorrow. But the same input has the same log id, and under that
//! id the same records must stand at the same offsets. So the first replay that meets such a line keeps in the lake what its
//! clock said, before the line's rejection is published, and every later one of that input goes by it. One that meets none has
//! nothing to keep: a later clock would have let the same lines through.

use events::{LogId, Span, Timestamp};
use lake::{Lake, LakeError};
use tokio::runtime::Handle;

use super::input::{InputError, Item};

/// Clocks of servers differ by minutes; those that are wrong, by years.
const CLOCKS_DIFFER: Span = Span::from_hours(1);

/// The latest time that a line may have.
pub(super) struct Latest<'a> {
    lake: &'a Lake,
    log_id: &'a LogId,
    runtime: &'a Handle,
    time: Timestamp,
    is_kept: bool,
}

impl<'a> Latest<'a> {
    /// As an earlier replay of this input has kept it, else by this clock.
    pub(super) fn find(
        lake: &'a Lake,
        log_id: &'a LogId,
        now: Timestamp,
        runtime: &'a Handle,
    ) -> Result<Self, LakeError> {
        let kept = runtime.block_on(lake.latest_of_replay(log_id))?;
        Ok(Self { lake, log_id, runtime, time: kept.unwrap_or(now + CLOCKS_DIFFER), is_kept: kept.is_some() })
    }

    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    /// The items as they are. Before the first that lies ahead is handed out, the time is kept.
    pub(super) fn keep(
        mut self,
        items: impl Iterator<Item = Result<Item, InputError>>,
    ) -> impl Iterator<Item = Result<Item, InputError>> {
        items.map(move |item| {
            let item = item?;
            if item.is_ahead && !self.is_kept {
                let stands = self.runtime.block_on(self.lake.keep_latest_of_replay(self.log_id, self.time))?;
                if stands != self.time {
                    return Err(InputError::Overtaken);
                }
                self.is_kept = true;
            }
            Ok(item)
        })
    }
}
