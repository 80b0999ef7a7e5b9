//! From the name of a place to a lake.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use events::LogId;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use tables::Table;
use tables::ddl::Location;

use crate::error::LakeError;
use crate::names::BATCHES;
use crate::place::{Place, shown};
use crate::probe;
use crate::readers::location;
use crate::store::Store;
use crate::stores::{self, Variables};

/// A lake: tables of Parquet files, and the records of the batches that they came from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    pub(crate) store: Store,
    /// The folder, where the store is one on this machine: it has locks, and no conditional replacement.
    pub(crate) folder: Option<PathBuf>,
    /// Where its readers find it, where that is known.
    pub(crate) location: Option<Location>,
}

/// How long the store may take for one answer, and a file's bytes besides.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a lake is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// To write and to read: a folder is made where there is none, and the store is tried with a small object.
    Write,
    /// To read alone: nothing is made and nothing is written.
    Read,
}

impl Lake {
    /// Opens the lake at a path or URL, and tries whether its store does what is needed. Settings of object stores are this
    /// process's variables.
    ///
    /// # Errors
    ///
    /// One line that says what is missing and how to mend it, without secrets.
    pub async fn open(place: &str, access: Access) -> Result<Self, LakeError> {
        Self::open_with(place, access, &Variables::of_process()).await
    }

    /// As [`Lake::open`], with other variables than this process's.
    pub async fn open_with(place: &str, access: Access, variables: &Variables) -> Result<Self, LakeError> {
        let refuse = |why: String| LakeError::Place { place: shown(place), why };
        let lake = match Place::parse(place).map_err(refuse)? {
            Place::Folder(folder) => Self::in_folder(place, folder, access).map_err(refuse)?,
            Place::Bucket(bucket) => {
                let client = stores::client(&bucket, variables).map_err(refuse)?;
                Self { location: location(place, None), ..Self::over(client) }
            }
        };
        let probed = match access {
            Access::Write => probe::write(&lake.store, lake.folder.as_deref()).await,
            Access::Read => probe::read(&lake.store).await,
        };
        probed.map_err(refuse)?;
        Ok(lake)
    }

    fn in_folder(place: &str, folder: PathBuf, access: Access) -> Result<Self, String> {
        match access {
            Access::Write => synced_folder::make(&folder).map_err(|error| error.to_string())?,
            Access::Read if folder.is_dir() => {}
            Access::Read => return Err("there is no lake; --lake names another place".to_owned()),
        }
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| error.to_string())?;
        // A put that was answered must survive the machine: file and folders are synced before the answer. What is
        // deleted, which is the probe alone, leaves no empty folder.
        let store = store.with_fsync(true).with_automatic_cleanup(true);
        let location = location(place, Some(&folder));
        Ok(Self { folder: Some(folder), location, ..Self::over(Arc::new(store)) })
    }

    /// The lake in a store that is open already.
    pub fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self::with_timeout(store, TIMEOUT)
    }

    /// The lake in a store that is open already, which must answer each call in this time.
    pub fn with_timeout(store: Arc<dyn ObjectStore>, timeout: Duration) -> Self {
        Self { store: Store::new(store, timeout), folder: None, location: None }
    }

    /// The logs that a table has batches of, in order.
    pub async fn log_ids(&self, table: Table) -> Result<Vec<LogId>, LakeError> {
        let folder = format!("{BATCHES}/{table}");
        let names = self.store.folders(&folder).await?;
        names
            .into_iter()
            .map(|name| {
                LogId::try_from(name.clone()).map_err(|_| LakeError::Foreign { path: format!("{folder}/{name}") })
            })
            .collect()
    }

    /// The partitions that a table has batches of from one log, in order.
    pub async fn partitions(&self, table: Table, log_id: &LogId) -> Result<Vec<u32>, LakeError> {
        let folder = format!("{BATCHES}/{table}/{log_id}");
        let names = self.store.folders(&folder).await?;
        let numbers = names
            .into_iter()
            .map(|name| name.parse::<u32>().map_err(|_| LakeError::Foreign { path: format!("{folder}/{name}") }));
        let mut partitions = numbers.collect::<Result<Vec<_>, _>>()?;
        partitions.sort_unstable();
        Ok(partitions)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    async fn refused(place: &str, access: Access) -> String {
        let line = Lake::open_with(place, access, &Variables::default()).await.unwrap_err().to_string();
        assert!(line.contains(&format!("`{}`", shown(place))) && !line.contains('\n'), "{line}");
        line
    }

    #[tokio::test]
    async fn what_cannot_be_opened_is_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "in the way").unwrap();
        for place in ["", "az://container/prefix", "ftp://host/x", "file://host/x", file.to_str().unwrap()] {
            refused(place, Access::Write).await;
        }
        assert_eq!(fs::read(&file).unwrap(), b"in the way");
    }

    #[tokio::test]
    async fn a_lakes_folder_is_made_where_there_is_none_and_the_probe_leaves_nothing_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        Lake::open(folder.to_str().unwrap(), Access::Write).await.unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn looking_makes_no_lake() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("absent");
        assert!(refused(folder.to_str().unwrap(), Access::Read).await.contains("there is no lake"));
        assert!(!folder.exists());
        fs::create_dir(&folder).unwrap();
        Lake::open(folder.to_str().unwrap(), Access::Read).await.unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
