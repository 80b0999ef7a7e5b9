//! From the name of a place to a lake.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use events::LogId;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use tables::Table;
use tables::ddl::Location;
use url::Url;

use crate::error::LakeError;
use crate::names::BATCHES;
use crate::readers::location;
use crate::store::Store;

/// A lake: tables of Parquet files, and the records of the batches that they came from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    pub(crate) store: Store,
    /// The folder, where the store is one on this machine: it has locks, and no conditional replacement.
    #[expect(dead_code, reason = "the completeness of a table is written under a lock of its own")]
    pub(crate) folder: Option<PathBuf>,
    /// Where its readers find it, where that is known.
    pub(crate) location: Option<Location>,
}

/// How long the store may take for one answer: a file of 128 MiB goes through 5 MB/s in half of it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The stores that have a name and, in this build, no code.
const CLOUDS: [&str; 6] = ["s3", "s3a", "gs", "az", "abfs", "abfss"];

impl Lake {
    /// Opens the lake at a path or URL, and makes its folder where there is none.
    pub fn open(place: &str) -> Result<Self, LakeError> {
        let refuse = |why: String| LakeError::Place { place: place.to_owned(), why };
        let folder = match local_path(place).map_err(refuse)? {
            Some(folder) => folder,
            None => return Err(refuse("this build writes to local folders alone; name a path or file://".to_owned())),
        };
        make_folder(&folder).map_err(|error| refuse(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| refuse(error.to_string()))?;
        // A put that was answered must survive the machine: file and folders are synced before the answer.
        let location = location(place, Some(&folder));
        Ok(Self { folder: Some(folder), location, ..Self::over(Arc::new(store.with_fsync(true))) })
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

/// The folder that a place names; `None` for a store that is known and not built in.
fn local_path(place: &str) -> Result<Option<PathBuf>, String> {
    if place.is_empty() {
        return Err("name a path or a URL".to_owned());
    }
    let Some((scheme, _)) = place.split_once("://") else { return Ok(Some(PathBuf::from(place))) };
    if CLOUDS.contains(&scheme) {
        return Ok(None);
    }
    if scheme != "file" {
        return Err(format!("`{scheme}://` is no kind of store: name a path, file://, s3://, gs:// or az://"));
    }
    let url = Url::parse(place).map_err(|error| error.to_string())?;
    url.to_file_path().map(Some).map_err(|()| "write file:///absolute/path".to_owned())
}

/// Makes a folder whose name survives the machine: each folder that got a new entry is synced.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(folder)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_a_file_url_is_a_folder() {
        assert_eq!(local_path("data/lake").unwrap(), Some(PathBuf::from("data/lake")));
        assert_eq!(local_path("file:///a%20b/lake").unwrap(), Some(PathBuf::from("/a b/lake")));
    }

    #[test]
    fn what_cannot_be_opened_is_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "in the way").unwrap();
        for place in ["", "s3://bucket/prefix", "ftp://host/x", "file://host/x", file.to_str().unwrap()] {
            let line = Lake::open(place).unwrap_err().to_string();
            assert!(line.contains(&format!("`{place}`")) && !line.contains('\n'), "{line}");
        }
        assert_eq!(fs::read(&file).unwrap(), b"in the way");
    }

    #[test]
    fn a_lakes_folder_is_made_where_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        Lake::open(dir.path().join("a/b").to_str().unwrap()).unwrap();
        assert!(dir.path().join("a/b").is_dir());
    }
}
