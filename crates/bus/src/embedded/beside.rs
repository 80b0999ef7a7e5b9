//! Reads the log from beside the process that owns it: by short looks, every 100 ms while nothing changes.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use events::{LogId, NextOffset};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use rusqlite::Connection;

use super::{disk, fault, file, place};
use crate::{Bounds, Bus, BusError, Group, Outgoing, Reader, Record, Source, Worker};

/// How often a log that did not change is looked at again.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A log that another process owns.
pub(super) struct LogBeside {
    file: PathBuf,
    log_id: LogId,
    partitions: u32,
    connection: Mutex<Connection>,
}

impl LogBeside {
    pub(super) fn open(directory: &Path) -> Result<Self, BusError> {
        let paths = file::Paths::of(directory);
        let connection = file::open_beside(&paths)?;
        let (log_id, partitions) = file::identity(&connection, &paths.log)?;
        Ok(Self { file: paths.log, log_id, partitions, connection: Mutex::new(connection) })
    }
}

fn reading_alone() -> BusError {
    BusError::Refused("the log was opened beside its owner, for reading alone".to_owned())
}

impl Bus for LogBeside {
    fn queued_bytes(&self) -> usize {
        0
    }

    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn log_id(&self) -> Result<LogId, BusError> {
        Ok(self.log_id.clone())
    }

    fn publish(&self, _: Vec<Outgoing>) -> BoxFuture<'static, Result<(), BusError>> {
        future::ready(Err(reading_alone())).boxed()
    }

    fn join(&self, _: Group) -> Result<Box<dyn Worker>, BusError> {
        Err(reading_alone())
    }

    fn read(&self, source: Source, from: NextOffset) -> Result<Box<dyn Reader>, BusError> {
        place::check(source, self.partitions)?;
        let connection = file::reading_connection(&self.file)?;
        Ok(Box::new(ReaderBeside { file: self.file.clone(), connection, source, position: from, seen: None }))
    }

    fn bounds(&self, source: Source) -> Result<Bounds, BusError> {
        place::check(source, self.partitions)?;
        let connection = self.connection.lock().expect("nobody panics while holding the connection");
        let standing = disk::standing(&connection, &self.file, source)?;
        Ok(Bounds { start: standing.start, end: standing.end })
    }
}

struct ReaderBeside {
    file: PathBuf,
    connection: Connection,
    source: Source,
    position: NextOffset,
    /// The version of the data that was read to its end.
    seen: Option<i64>,
}

impl ReaderBeside {
    fn data_version(&self) -> Result<i64, BusError> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|error| fault::at(&self.file, "read", &error))
    }

    /// Reads on if the data has changed since it was read to its end.
    fn look(&mut self) -> Result<Vec<Record>, BusError> {
        // The version before the data: a change in between is then looked at once more, and never missed.
        let version = self.data_version()?;
        if self.seen == Some(version) {
            return Ok(Vec::new());
        }
        let standing = disk::standing(&self.connection, &self.file, self.source)?;
        self.position = self.position.max(standing.start);
        while self.position < standing.end {
            let chunk = disk::read(&self.connection, &self.file, self.source, self.position, standing.end)?;
            self.position = chunk.position;
            if !chunk.records.is_empty() {
                return Ok(chunk.records);
            }
        }
        self.seen = Some(version);
        Ok(Vec::new())
    }
}

impl Reader for ReaderBeside {
    fn next(&mut self, timeout: Duration) -> Result<Vec<Record>, BusError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let records = self.look()?;
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if !records.is_empty() || left == Some(Duration::ZERO) {
                return Ok(records);
            }
            std::thread::sleep(left.map_or(LOOK_INTERVAL, |left| left.min(LOOK_INTERVAL)));
        }
    }

    fn position(&self) -> NextOffset {
        self.position
    }
}
