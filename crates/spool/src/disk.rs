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
    /// Makes it where there is none.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        synced_folder::make(folder)?;
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
