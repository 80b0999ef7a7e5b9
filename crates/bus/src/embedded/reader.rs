//! Reads one partition in the process that owns the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::NextOffset;

use super::Log;
use crate::{BusError, Reader, Record, Source};

/// What one look at a partition brought.
pub(super) struct Look {
    pub(super) records: Vec<Record>,
    /// Where the next look goes on.
    pub(super) position: NextOffset,
    /// The partition's end when it was looked at.
    pub(super) end: NextOffset,
}

pub(super) struct LogReader {
    log: Arc<Log>,
    source: Source,
    position: NextOffset,
}

impl LogReader {
    pub(super) fn new(log: Arc<Log>, source: Source, from: NextOffset) -> Self {
        Self { log, source, position: from }
    }
}

impl Reader for LogReader {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let seen = self.log.shared.tail.version();
            let look = self.log.look(self.source, self.position)?;
            self.position = look.position;
            if !look.records.is_empty() {
                return Ok(look.records);
            }
            if look.position < look.end {
                continue;
            }
            if !self.log.shared.tail.wait(seen, deadline) {
                return Ok(Vec::new());
            }
        }
    }

    fn position(&self) -> NextOffset {
        self.position
    }
}
