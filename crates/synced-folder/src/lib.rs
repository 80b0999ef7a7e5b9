//! Folders whose names survive the machine, as what is acknowledged in them must: the log's, the spool's, the lake's.
//!
//! It knows nothing of what is put there, and syncs no file: that is for those who write them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Makes a folder, and those above it, where there is none. A file system may forget the entries of a folder that is not synced:
/// each folder that gets a new one is.
pub fn make(folder: &Path) -> io::Result<()> {
    make_with(folder, |parent| File::open(parent)?.sync_all())
}

fn make_with(folder: &Path, mut sync: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(folder)?;
    for made in missing {
        sync(made.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn each_folder_that_gets_a_new_one_is_synced() {
        let there = tempfile::tempdir().unwrap();
        let (data, bus) = (there.path().join("data"), there.path().join("data/bus"));
        let synced = |folder: &Path| {
            let mut synced = Vec::new();
            let sync = |parent: &Path| {
                synced.push(parent.to_owned());
                Ok(())
            };
            make_with(folder, sync).unwrap();
            synced
        };
        assert_eq!(synced(&bus), [data.clone(), there.path().to_owned()]);
        assert_eq!(synced(&bus), Vec::<PathBuf>::new(), "it is there");
        make(&data.join("other")).unwrap();
        assert!(data.join("other").is_dir());
        let error = make_with(&data.join("third"), |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "a sync that fails is no folder that is made");
    }
}
