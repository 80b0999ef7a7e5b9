//! The position up to which everything is done with, in a file of two places that are written in turn: a write that a crash
//! tears leaves the other one. The file keeps its size, so that it can be written on a full disk.

use std::io;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::disk::{Disk, DiskFile};
use crate::record::Seq;

pub(crate) const NAME: &str = "position";

/// The places lie this far apart: no sector holds both.
const STRIDE: u64 = 4096;

const PLACE: usize = 16;

/// Tells a checksum of this from any other.
const SALT: u64 = u64::from_le_bytes(*b"position");

/// The file.
#[derive(Debug)]
pub(crate) struct PositionFile<F> {
    file: F,
    /// The place to be written next.
    next: u64,
}

impl<F: DiskFile> PositionFile<F> {
    /// Opens the file, and reads it; makes it where there is none, or none that can be read.
    pub(crate) fn open<D: Disk<File = F>>(disk: &D) -> io::Result<(Self, Seq)> {
        let mut file = match disk.open(NAME) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(NAME)?,
            file => file?,
        };
        let places = [read(&file, 0)?, read(&file, 1)?];
        let seq = places.iter().flatten().max().copied();
        // The place that holds less is the one to lose.
        let next = u64::from(places[0] >= places[1]);
        if seq.is_none() {
            write(&mut file, 0, Seq(0))?;
            write(&mut file, 1, Seq(0))?;
            file.sync()?;
            disk.sync()?;
        }
        let mut position = Self { file, next };
        // What was read may never have been synced, and segments are about to be removed because of it.
        let seq = seq.unwrap_or_default();
        position.store(seq)?;
        Ok((position, seq))
    }

    /// The position is durable when this returns.
    pub(crate) fn store(&mut self, seq: Seq) -> io::Result<()> {
        write(&mut self.file, self.next, seq)?;
        self.file.sync()?;
        self.next = 1 - self.next;
        Ok(())
    }
}

fn write<F: DiskFile>(file: &mut F, place: u64, seq: Seq) -> io::Result<()> {
    let number = seq.0.to_le_bytes();
    let mut bytes = [0; PLACE];
    bytes[..8].copy_from_slice(&number);
    bytes[8..].copy_from_slice(&xxh3_64_with_seed(&number, SALT).to_le_bytes());
    file.write_at(place * STRIDE, &bytes)
}

/// What a place holds; none where that is no position.
fn read<F: DiskFile>(file: &F, place: u64) -> io::Result<Option<Seq>> {
    let (mut bytes, mut have) = ([0; PLACE], 0);
    while have < PLACE {
        match file.read_at(place * STRIDE + have as u64, &mut bytes[have..])? {
            0 => return Ok(None),
            read => have += read,
        }
    }
    let (number, checksum) = bytes.split_at(8);
    let is_whole = xxh3_64_with_seed(number, SALT).to_le_bytes() == checksum;
    Ok(is_whole.then(|| Seq(u64::from_le_bytes(number.try_into().expect("eight bytes are eight bytes")))))
}
