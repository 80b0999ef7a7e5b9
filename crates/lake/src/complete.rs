//! How far a table is complete: `<table>/_complete.json`, one object for whoever waits for data.
//!
//! Several lake-writers share it, each with partitions of its own: it is replaced only as it was read, and nothing in it ever
//! falls. A store of folders cannot replace an object on a condition; there a lock that ends with its holder does the same.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path as Folder;
use std::time::Duration;

use events::{LogId, NextOffset, Timestamp};
use object_store::{Error, UpdateVersion};
use serde::{Deserialize, Serialize};
use tables::Table;

use crate::error::LakeError;
use crate::open::Lake;
use crate::record::{self, FORMAT};

/// How far a table is complete, by log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completeness {
    format: u64,
    table: Table,
    /// Each log that lake-writers brought into the table.
    pub logs: BTreeMap<LogId, LogCompleteness>,
}

/// How far a table is complete as to one log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogCompleteness {
    /// Every record that the log took for this table before this moment is in it; the lowest of all partitions. Absent until
    /// each of them has one.
    #[serde(default)]
    pub complete_through: Option<Timestamp>,
    /// How many partitions the log has.
    pub partition_count: u32,
    /// By partition.
    pub partitions: BTreeMap<u32, Mark>,
}

/// How far one partition of a table is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Every record before this offset is a row, or was skipped or lost and is named so.
    pub offset: NextOffset,
    /// Every record that the log took before this moment is one of them; absent while that is not known.
    #[serde(default)]
    pub complete_through: Option<Timestamp>,
}

impl Mark {
    /// The further of both, in each regard.
    pub fn max(self, other: Self) -> Self {
        let offset = self.offset.max(other.offset);
        Self { offset, complete_through: self.complete_through.max(other.complete_through) }
    }
}

impl Completeness {
    /// What stands, with what is lower than these marks raised; nothing falls.
    fn raised(standing: Option<Self>, table: Table, log_id: &LogId, count: u32, marks: &BTreeMap<u32, Mark>) -> Self {
        let mut raised = standing.unwrap_or(Self { format: FORMAT, table, logs: BTreeMap::new() });
        raised.raise(log_id, count, marks);
        raised
    }

    fn raise(&mut self, log_id: &LogId, partition_count: u32, marks: &BTreeMap<u32, Mark>) {
        let log = self.logs.entry(log_id.clone()).or_default();
        log.partition_count = log.partition_count.max(partition_count);
        for (&partition, &mark) in marks {
            let known = log.partitions.entry(partition).or_default();
            *known = known.max(mark);
        }
        let is_whole = log.partitions.len() as u64 >= u64::from(log.partition_count);
        let lowest = log.partitions.values().map(|mark| mark.complete_through).min().flatten();
        log.complete_through = log.complete_through.max(lowest.filter(|_| is_whole));
    }
}

fn path(table: Table) -> String {
    format!("{table}/_complete.json")
}

/// How often it is tried again at once when somebody else wrote meanwhile.
const ATTEMPTS: u32 = 10;

/// The wait between two looks at a lock that somebody holds.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// What came of a replacement.
enum Replaced {
    Done,
    /// Somebody else was first.
    Changed,
    /// The store has no conditional replacement.
    CannotSay,
}

impl Lake {
    /// How far a table is said to be complete; `None` where nobody has said so.
    pub async fn completeness(&self, table: Table) -> Result<Option<Completeness>, LakeError> {
        Ok(self.read_completeness(table).await?.map(|(found, _)| found))
    }

    /// Says how far partitions of a table are complete. Gives whether that stands now: `false` where others wrote all the
    /// while, which is no harm; say it again with the next.
    pub async fn mark_complete(
        &self,
        table: Table,
        log_id: &LogId,
        partition_count: u32,
        marks: &BTreeMap<u32, Mark>,
    ) -> Result<bool, LakeError> {
        for _ in 0..ATTEMPTS {
            let found = self.read_completeness(table).await?;
            let (standing, version) = found.map_or((None, None), |(standing, version)| (Some(standing), Some(version)));
            let raised = Completeness::raised(standing.clone(), table, log_id, partition_count, marks);
            if standing.as_ref() == Some(&raised) {
                return Ok(true);
            }
            match self.replace_completeness(table, &raised, version).await? {
                Replaced::Done => return Ok(true),
                Replaced::Changed => {}
                Replaced::CannotSay => return self.mark_under_lock(table, log_id, partition_count, marks).await,
            }
        }
        Ok(false)
    }

    async fn read_completeness(&self, table: Table) -> Result<Option<(Completeness, UpdateVersion)>, LakeError> {
        let path = path(table);
        let Some((json, version)) = self.store.find_version(&path).await? else { return Ok(None) };
        Ok(Some((record::read(&path, &json)?, version)))
    }

    /// Replaces what stands if it is still this version, or creates it if nothing stood.
    async fn replace_completeness(
        &self,
        table: Table,
        raised: &Completeness,
        version: Option<UpdateVersion>,
    ) -> Result<Replaced, LakeError> {
        match self.store.put_as_read(&path(table), record::to_json(raised).into(), version).await {
            Err(LakeError::Store { source, .. })
                if matches!(*source, Error::NotImplemented { .. }) && self.folder.is_some() =>
            {
                Ok(Replaced::CannotSay)
            }
            put => Ok(if put? { Replaced::Done } else { Replaced::Changed }),
        }
    }

    /// The same on a folder: whoever holds the lock reads and replaces. The system takes it back from a process that died;
    /// while one is frozen that holds it, nobody else says anything, so that nothing falls when it goes on.
    async fn mark_under_lock(
        &self,
        table: Table,
        log_id: &LogId,
        partition_count: u32,
        marks: &BTreeMap<u32, Mark>,
    ) -> Result<bool, LakeError> {
        let Some(folder) = &self.folder else { return Ok(false) };
        for _ in 0..ATTEMPTS {
            let Some(_held) = lock(folder, table)? else {
                tokio::time::sleep(LOCK_WAIT).await;
                continue;
            };
            let standing = self.completeness(table).await?;
            let raised = Completeness::raised(standing, table, log_id, partition_count, marks);
            self.store.replace(&path(table), record::to_json(&raised).into()).await?;
            return Ok(true);
        }
        Ok(false)
    }
}

/// Where a lake on this machine has its locks.
pub(crate) const LOCKS: &str = "_locks";

/// Takes the table's lock, if nobody has it. It is given back when the file is closed.
fn lock(folder: &Folder, table: Table) -> Result<Option<File>, LakeError> {
    let path = format!("{LOCKS}/{table}.complete");
    let fail = |source: std::io::Error| LakeError::Store {
        operation: "lock",
        path: path.clone(),
        source: Box::new(Error::Generic { store: "LocalFileSystem", source: Box::new(source) }),
    };
    std::fs::create_dir_all(folder.join(LOCKS)).map_err(fail)?;
    let file = File::options().create(true).append(true).open(folder.join(&path)).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(fail(error)),
    }
}

#[cfg(test)]
mod tests;
