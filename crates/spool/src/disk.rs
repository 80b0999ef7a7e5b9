//! The disk as this crate needs it: a folder of files that are read and written by offset, and synced.

#[cfg(test)]
pub(crate) mod memory;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A folder.
pub(crate) trait Disk: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// One of its files.
    type File: DiskFile;

    /// A file that is empty, whatever was there under its name.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// A file that is there, for reading and writing.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// The names of all files.
    fn names(&self) -> io::Result<Vec<String>>;

    fn remove(&self, name: &str) -> io::Result<()>;

    /// Which names there are is durable when this returns.
    fn sync(&self) -> io::Result<()>;
}

/// A file.
pub(crate) trait DiskFile: std::fmt::Debug + Send + 'static {
    fn size(&self) -> io::Result<u64>;

    /// Reads some bytes; none at the end.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes. On an error some may have been written.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Forgets what lies behind that size.
    fn cut(&mut self, size: u64) -> io::Result<()>;

    /// What the file holds is durable when this returns.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder where there is none. A file system may forget the entries of a folder that is not synced: each folder that
    /// gets a new one is.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        Self::make_with(folder, |parent| File::open(parent)?.sync_all())
    }

    fn make_with(folder: &Path, mut sync: impl FnMut(&Path) -> io::Result<()>) -> io::Result<Self> {
        let missing: Vec<&Path> =
            folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        fs::create_dir_all(folder)?;
        for made in missing {
            sync(made.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        }
        Ok(Self(folder.to_owned()))
    }
}

impl Disk for Folder {
    type File = File;

    fn create(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(true).open(self.0.join(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).open(self.0.join(name))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match FileExt::read_at(self, into, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&mut self) -> io::Result<()> {
        // The size is part of it where it has grown.
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_that_gets_a_new_one_is_synced() {
        let there = tempfile::tempdir().unwrap();
        let (data, spool) = (there.path().join("data"), there.path().join("data/spool"));
        let synced = |folder: &Path| {
            let mut synced = Vec::new();
            let sync = |parent: &Path| {
                synced.push(parent.to_owned());
                Ok(())
            };
            Folder::make_with(folder, sync).unwrap();
            synced
        };
        assert_eq!(synced(&spool), [data, there.path().to_owned()]);
        assert_eq!(synced(&spool), Vec::<PathBuf>::new(), "it is there");
    }
}
