//! What a killed process leaves in a lake that is a folder: files under the names that they had before they were whole.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use events::Timestamp;

use crate::open::Lake;

impl Lake {
    /// Removes files that were begun before that moment and never got their name (`….parquet#1`), and gives how many there
    /// were. Nobody reads them; they take room. Reads every folder of the lake: call it from a thread that may block.
    ///
    /// # Errors
    ///
    /// A folder that cannot be listed, or a file that cannot be removed.
    pub fn remove_staging(&self, before: Timestamp) -> io::Result<usize> {
        let before = UNIX_EPOCH + Duration::from_millis(before.as_millis().max(0) as u64);
        self.folder.as_deref().map_or(Ok(0), |folder| remove_below(folder, before))
    }
}

fn remove_below(folder: &Path, before: SystemTime) -> io::Result<usize> {
    remove_of(fs::read_dir(folder)?, before)
}

fn remove_of(listed: impl Iterator<Item = io::Result<fs::DirEntry>>, before: SystemTime) -> io::Result<usize> {
    let mut removed = 0;
    for entry in listed {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_below(&entry.path(), before)?;
        } else if is_staging(&entry.file_name().to_string_lossy()) {
            match remove_old(&entry, before) {
                Ok(is_removed) => removed += usize::from(is_removed),
                // Its process is alive, and has just given it its name.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(removed)
}

fn remove_old(entry: &fs::DirEntry, before: SystemTime) -> io::Result<bool> {
    let is_old = entry.metadata()?.modified()? < before;
    if is_old {
        fs::remove_file(entry.path())?;
    }
    Ok(is_old)
}

/// A name of ours, then `#` and a number.
fn is_staging(name: &str) -> bool {
    let Some((name, number)) = name.rsplit_once('#') else { return false };
    let is_ours = name.ends_with(".parquet") || name.ends_with(".json");
    is_ours && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::local::LocalFileSystem;

    use super::*;

    #[test]
    fn only_what_was_left_long_ago_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let day = dir.path().join("hits/date=2026-11-21");
        fs::create_dir_all(&day).unwrap();
        let names = ["a.parquet", "a.parquet#1", "b.parquet#12", "notes#1", "c.parquet#x", "_complete.json#3"];
        for name in names {
            fs::write(day.join(name), "x").unwrap();
        }
        fs::File::open(day.join("b.parquet#12"))
            .unwrap()
            .set_modified(SystemTime::now() + Duration::from_secs(60))
            .unwrap();
        let inner = LocalFileSystem::new_with_prefix(dir.path()).unwrap();
        let lake = Lake { folder: Some(dir.path().to_owned()), ..Lake::over(Arc::new(inner)) };
        let soon = SystemTime::now() + Duration::from_secs(30);
        let before = Timestamp::from_millis(soon.duration_since(UNIX_EPOCH).unwrap().as_millis() as i64);
        assert_eq!(lake.remove_staging(before).unwrap(), 2);
        let mut left: Vec<_> = fs::read_dir(&day).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a.parquet", "b.parquet#12", "c.parquet#x", "notes#1"]);
    }

    #[test]
    fn a_file_that_got_its_name_since_it_was_listed_is_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let half_written = dir.path().join("a.parquet#1");
        fs::write(&half_written, "x").unwrap();
        let listed: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        fs::rename(half_written, dir.path().join("a.parquet")).unwrap();
        let soon = SystemTime::now() + Duration::from_secs(30);
        assert_eq!((listed.len(), remove_of(listed.into_iter(), soon).unwrap()), (1, 0));
    }
}
