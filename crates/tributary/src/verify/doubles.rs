//! Finds ids that stand twice among any number of rows, in a bounded memory.
//!
//! Each row leaves 24 bytes: a hash of its id, its file, its number. They go into as many buckets by hash as it takes for one
//! bucket to fit the memory; more than one, and they lie in a folder of temporary files until all rows are read. Then one
//! bucket after the other is sorted, and equal neighbours are named.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use lake::Ids;

/// Bytes that a row leaves.
const ENTRY: usize = 24;

/// The most buckets: each is an open file with a buffer.
const MOST_BUCKETS: u64 = 512;

/// The most doubles that are named; the rest is counted.
pub(super) const MOST_NAMED: usize = 1000;

/// A row that has the id of another one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct SameId {
    /// The first of them: its file, and its number there, from 0.
    pub(super) first: (String, u64),
    /// The other one.
    pub(super) other: (String, u64),
}

/// The ids of one table's rows of one log.
pub(super) struct Doubles {
    files: Vec<String>,
    buckets: Buckets,
    /// What went wrong with a temporary file.
    failed: Option<io::Error>,
}

enum Buckets {
    Memory(Vec<Entry>),
    Files(Vec<BufWriter<File>>),
}

type Entry = (u128, u32, u32);

impl Doubles {
    /// For about so many rows, in that many bytes of memory.
    pub(super) fn new(rows: u64, memory: usize) -> io::Result<Self> {
        let fits = (memory / ENTRY).max(1) as u64;
        // Hashes are spread evenly, but not exactly so.
        let count = (rows + rows / 8).div_ceil(fits).min(MOST_BUCKETS);
        let buckets = match count {
            0 | 1 => Buckets::Memory(Vec::new()),
            _ => {
                Buckets::Files((0..count).map(|_| tempfile::tempfile().map(BufWriter::new)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { files: Vec::new(), buckets, failed: None })
    }

    /// The rows whose ids stand before, and how many there are in all.
    pub(super) fn find(self) -> io::Result<(Vec<SameId>, u64)> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let (mut named, mut all) = (Vec::new(), 0);
        let mut look = |mut entries: Vec<Entry>| {
            entries.sort_unstable();
            for pair in entries.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                all += 1;
                if named.len() < MOST_NAMED {
                    let place = |(_, file, row): Entry| (self.files[file as usize].clone(), u64::from(row));
                    named.push(SameId { first: place(pair[0]), other: place(pair[1]) });
                }
            }
        };
        match self.buckets {
            Buckets::Memory(entries) => look(entries),
            Buckets::Files(files) => {
                for file in files {
                    look(read_back(file)?);
                }
            }
        }
        named.sort_unstable();
        Ok((named, all))
    }

    fn put(&mut self, entries: impl Iterator<Item = Entry>) -> io::Result<()> {
        match &mut self.buckets {
            Buckets::Memory(all) => all.extend(entries),
            Buckets::Files(files) => {
                let count = files.len() as u128;
                for (id, file, row) in entries {
                    // The upper bits choose the bucket; equal ids always share one.
                    let bucket = &mut files[((id >> 64) % count) as usize];
                    bucket.write_all(&id.to_le_bytes())?;
                    bucket.write_all(&file.to_le_bytes())?;
                    bucket.write_all(&row.to_le_bytes())?;
                }
            }
        }
        Ok(())
    }
}

fn read_back(file: BufWriter<File>) -> io::Result<Vec<Entry>> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    let count = file.stream_position()? as usize / ENTRY;
    file.rewind()?;
    let mut file = BufReader::new(file);
    let mut number = |bytes: &mut [u8]| file.read_exact(bytes);
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let (mut id, mut of, mut row) = ([0; 16], [0; 4], [0; 4]);
        number(&mut id)?;
        number(&mut of)?;
        number(&mut row)?;
        entries.push((u128::from_le_bytes(id), u32::from_le_bytes(of), u32::from_le_bytes(row)));
    }
    Ok(entries)
}

impl Ids for Doubles {
    fn take(&mut self, path: &str, first: u64, ids: &[u128]) {
        if ids.is_empty() || self.failed.is_some() {
            return;
        }
        if self.files.last().is_none_or(|last| last != path) {
            self.files.push(path.to_owned());
        }
        let file = (self.files.len() - 1) as u32;
        let entries = (first..).zip(ids).map(|(row, &id)| (id, file, row as u32));
        if let Err(error) = self.put(entries) {
            self.failed = Some(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(memory: usize) -> (Vec<SameId>, u64) {
        let mut doubles = Doubles::new(3000, memory).unwrap();
        let id = |n: u64| (u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64) | u128::from(n);
        let ids: Vec<u128> = (0..1000).map(id).collect();
        doubles.take("a", 0, &ids);
        doubles.take("b", 0, &(1000..1999).map(id).collect::<Vec<_>>());
        doubles.take("b", 999, &[id(7), id(1500)]);
        doubles.take("c", 0, &(3000..4000).map(id).collect::<Vec<_>>());
        doubles.find().unwrap()
    }

    #[test]
    fn whatever_the_memory_the_same_rows_are_named() {
        let place = |file: &str, row| (file.to_owned(), row);
        let expected = vec![
            SameId { first: place("a", 7), other: place("b", 999) },
            SameId { first: place("b", 500), other: place("b", 1000) },
        ];
        for memory in [1 << 20, 30_000, 1000, 1] {
            assert_eq!(found(memory), (expected.clone(), 2), "{memory}");
        }
    }
}
