//! A disk in memory that knows what is durable: a crash leaves what was synced, and of the rest some beginning, zeros, or
//! nothing. And it fails when it is told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile};

/// A folder in memory. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Each name with the file that it names, now and in a synced folder.
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    files: Vec<Content>,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
}

/// What fails next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A write stops after so many bytes: there is no more room. Later ones too, until told otherwise.
    NoRoomAfter(usize),
    /// The next sync of a file fails, and what it should have synced may be there or not.
    Sync,
}

#[derive(Debug)]
pub(crate) struct MemoryFile {
    disk: Memory,
    file: usize,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fail(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// What is on the disk after a crash. Each draw decides what becomes of one thing that was not synced.
    pub(crate) fn after_crash(&self, mut draw: impl FnMut(u64) -> u64) -> Self {
        let state = self.lock();
        let mut names = state.synced_names.clone();
        for (name, &file) in &state.names {
            if state.synced_names.get(name) != Some(&file) && draw(2) == 0 {
                names.insert(name.clone(), file);
            }
        }
        names.retain(|name, _| state.names.contains_key(name) || draw(2) == 0);
        let (mut kept, mut files) = (BTreeMap::new(), Vec::new());
        for (name, file) in names {
            let bytes = state.files[file].after_crash(&mut draw);
            kept.insert(name, files.len());
            files.push(Content { now: bytes.clone(), synced: bytes });
        }
        Self(Arc::new(Mutex::new(State { names: kept.clone(), synced_names: kept, files, fault: None })))
    }

    /// The bytes of a file, to be looked at or spoiled.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let file = state.names[name];
        let content = &mut state.files[file];
        change(&mut content.now);
        content.synced = content.now.clone();
    }

    /// A file with this content.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = self.create(name).unwrap();
        file.write_at(0, bytes).unwrap();
        file.sync().unwrap();
        self.sync().unwrap();
    }
}

impl Content {
    /// Where both agree nothing can happen; where they do not, the newer bytes are there up to some place, and behind it
    /// older ones, or zeros.
    fn after_crash(&self, draw: &mut impl FnMut(u64) -> u64) -> Vec<u8> {
        let agree = self.now.iter().zip(&self.synced).take_while(|(now, synced)| now == synced).count();
        if agree == self.now.len() && agree == self.synced.len() {
            return self.now.clone();
        }
        let size = if draw(2) == 0 { self.now.len() } else { self.synced.len() };
        let newer = agree + draw((self.now.len() - agree) as u64 + 1) as usize;
        let mut bytes = self.now[..newer.min(size)].to_vec();
        bytes.extend(self.synced.iter().skip(bytes.len()).take(size - bytes.len()));
        bytes.resize(size, 0);
        bytes
    }
}

fn no_room() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Disk for Memory {
    type File = MemoryFile;

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let mut state = self.lock();
        let file = state.files.len();
        state.files.push(Content::default());
        state.names.insert(name.to_owned(), file);
        Ok(MemoryFile { disk: self.clone(), file })
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let file = self.lock().names.get(name).copied();
        let file = file.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(MemoryFile { disk: self.clone(), file })
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.lock().names.remove(name).map(drop).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.synced_names = state.names.clone();
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.file].now.len() as u64)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.lock();
        let bytes = state.files[self.file].now.get(at as usize..).unwrap_or_default();
        // By small pieces, as a file may be read.
        let read = bytes.len().min(into.len()).min(1000);
        into[..read].copy_from_slice(&bytes[..read]);
        Ok(read)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.lock();
        let room = match &mut state.fault {
            Some(Fault::NoRoomAfter(left)) => {
                let room = (*left).min(bytes.len());
                *left -= room;
                room
            }
            _ => bytes.len(),
        };
        let (content, at) = (&mut state.files[self.file].now, at as usize);
        // What is overwritten takes no room.
        let room = room.max(content.len().saturating_sub(at)).min(bytes.len());
        if content.len() < at + room {
            content.resize(at + room, 0);
        }
        content[at..at + room].copy_from_slice(&bytes[..room]);
        if room == bytes.len() { Ok(()) } else { Err(no_room()) }
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.disk.lock().files[self.file].now.truncate(size as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock();
        if state.fault == Some(Fault::Sync) {
            state.fault = None;
            return Err(io::Error::other("the disk does not answer"));
        }
        let content = &mut state.files[self.file];
        content.synced = content.now.clone();
        Ok(())
    }
}
