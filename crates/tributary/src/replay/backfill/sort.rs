//! Hits put in order, however many there are: what fits into memory is sorted there and laid aside, then all of it is merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};

use bytes::Bytes;
use events::{Offset, Timestamp};

/// Where a hit stands among the others: by time, then by where it stood in its log, so that what was equal in time keeps its
/// order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Order {
    pub(super) time: Timestamp,
    pub(super) log: u32,
    pub(super) partition: u32,
    pub(super) raw_offset: Offset,
}

/// A hit and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ordered {
    pub(super) order: Order,
    pub(super) key: Bytes,
    pub(super) value: Bytes,
}

/// Runs that are merged at once: each has an open file and a buffer.
const MOST_RUNS: usize = 32;

/// Takes hits in any order.
pub(super) struct Sorter {
    memory: usize,
    run: Run,
    /// Runs laid aside; those of one level are each made of [`MOST_RUNS`] of the one below.
    aside: Vec<Vec<File>>,
}

/// Hits that lie in memory: one buffer, and where each of them is in it.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    order: Order,
    at: usize,
    key: u32,
    value: u32,
}

impl Run {
    fn bytes_in_memory(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    fn push(&mut self, order: Order, key: &[u8], value: &[u8]) {
        let entry = Entry { order, at: self.bytes.len(), key: key.len() as u32, value: value.len() as u32 };
        self.entries.push(entry);
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.order);
    }

    fn hit(&self, place: usize) -> Option<(Order, &[u8], &[u8])> {
        let Entry { order, at, key, value } = self.entries.get(place)?;
        let (key, value) = (*key as usize, *value as usize);
        let (key, value) = self.bytes[*at..*at + key + value].split_at(key);
        Some((*order, key, value))
    }
}

impl Sorter {
    /// A sorter that holds about so many bytes of hits in memory.
    pub(super) fn new(memory: usize) -> Self {
        Self { memory, run: Run::default(), aside: Vec::new() }
    }

    /// Takes a hit.
    pub(super) fn push(&mut self, order: Order, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.run.push(order, key, value);
        if self.run.bytes_in_memory() >= self.memory { self.lay_aside() } else { Ok(()) }
    }

    /// All hits that were taken, in order.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        self.run.sort();
        let last = Part::Memory { run: self.run, next: 0 };
        let files = self.aside.into_iter().rev().flatten().map(Part::file);
        Sorted::merge(files.chain([last]))
    }

    fn lay_aside(&mut self) -> io::Result<()> {
        self.run.sort();
        let mut file = BufWriter::new(tempfile::tempfile()?);
        for place in 0..self.run.entries.len() {
            if let Some((order, key, value)) = self.run.hit(place) {
                write(&mut file, order, key, value)?;
            }
        }
        self.run.bytes.clear();
        self.run.entries.clear();
        let mut file = rewound(file)?;
        for level in 0.. {
            if level == self.aside.len() {
                self.aside.push(Vec::new());
            }
            self.aside[level].push(file);
            if self.aside[level].len() < MOST_RUNS {
                break;
            }
            file = merged(std::mem::take(&mut self.aside[level]))?;
        }
        Ok(())
    }
}

/// Several runs as one.
fn merged(runs: Vec<File>) -> io::Result<File> {
    let mut file = BufWriter::new(tempfile::tempfile()?);
    for hit in Sorted::merge(runs.into_iter().map(Part::file))? {
        let Ordered { order, key, value } = hit?;
        write(&mut file, order, &key, &value)?;
    }
    rewound(file)
}

fn rewound(file: BufWriter<File>) -> io::Result<File> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

fn write(file: &mut impl Write, order: Order, key: &[u8], value: &[u8]) -> io::Result<()> {
    file.write_all(&order.time.as_millis().to_le_bytes())?;
    file.write_all(&order.log.to_le_bytes())?;
    file.write_all(&order.partition.to_le_bytes())?;
    file.write_all(&order.raw_offset.0.to_le_bytes())?;
    for text in [key, value] {
        file.write_all(&(text.len() as u32).to_le_bytes())?;
        file.write_all(text)?;
    }
    Ok(())
}

fn read(file: &mut impl Read) -> io::Result<Option<Ordered>> {
    let mut time = [0; 8];
    match file.read_exact(&mut time) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let (mut log, mut partition, mut raw_offset) = ([0; 4], [0; 4], [0; 8]);
    file.read_exact(&mut log)?;
    file.read_exact(&mut partition)?;
    file.read_exact(&mut raw_offset)?;
    let order = Order {
        time: Timestamp::from_millis(i64::from_le_bytes(time)),
        log: u32::from_le_bytes(log),
        partition: u32::from_le_bytes(partition),
        raw_offset: Offset(i64::from_le_bytes(raw_offset)),
    };
    let mut text = || {
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let mut text = vec![0; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut text)?;
        Ok::<_, io::Error>(Bytes::from(text))
    };
    Ok(Some(Ordered { order, key: text()?, value: text()? }))
}

/// Hits in order, as they are taken out.
pub(super) struct Sorted {
    parts: Vec<Part>,
    /// The next hit of each part that has one, and the order of them.
    heads: Vec<Option<Ordered>>,
    next: BinaryHeap<Reverse<(Order, usize)>>,
}

/// One run.
enum Part {
    File(BufReader<File>),
    Memory { run: Run, next: usize },
}

impl Part {
    fn file(file: File) -> Self {
        Self::File(BufReader::with_capacity(64 * 1024, file))
    }

    fn take(&mut self) -> io::Result<Option<Ordered>> {
        match self {
            Self::File(file) => read(file),
            Self::Memory { run, next } => {
                let copy = Bytes::copy_from_slice;
                let hit = run.hit(*next);
                *next += 1;
                Ok(hit.map(|(order, key, value)| Ordered { order, key: copy(key), value: copy(value) }))
            }
        }
    }
}

impl Sorted {
    fn merge(parts: impl Iterator<Item = Part>) -> io::Result<Self> {
        let parts: Vec<_> = parts.collect();
        let mut sorted = Self { heads: vec![None; parts.len()], parts, next: BinaryHeap::new() };
        for place in 0..sorted.parts.len() {
            sorted.advance(place)?;
        }
        Ok(sorted)
    }

    fn advance(&mut self, place: usize) -> io::Result<()> {
        self.heads[place] = self.parts[place].take()?;
        self.next.extend(self.heads[place].as_ref().map(|hit| Reverse((hit.order, place))));
        Ok(())
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Ordered>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((_, place)) = self.next.pop()?;
        let hit = self.heads[place].take()?;
        Some(self.advance(place).map(|()| hit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hit(time: i64, raw_offset: i64) -> Ordered {
        let order = Order {
            time: Timestamp::from_millis(time),
            log: (time % 2) as u32,
            partition: (raw_offset % 3) as u32,
            raw_offset: Offset(raw_offset),
        };
        let key = Bytes::from(format!("site/{raw_offset}"));
        Ordered { order, key, value: vec![b'x'; (raw_offset % 40) as usize].into() }
    }

    fn sorted(hits: &[Ordered], memory: usize) -> (Vec<Ordered>, usize) {
        let mut sorter = Sorter::new(memory);
        hits.iter().for_each(|hit| sorter.push(hit.order, &hit.key, &hit.value).unwrap());
        let files = sorter.aside.iter().map(Vec::len).sum();
        (sorter.finish().unwrap().map(Result::unwrap).collect(), files)
    }

    #[test]
    fn more_runs_than_can_be_open_become_longer_ones() {
        let hits: Vec<_> = (0..2500).map(|n| hit(n * 7919 % 1000, n)).collect();
        let mut expected = hits.clone();
        expected.sort_by_key(|hit| hit.order);
        // Each hit is a run of its own: 2500 of them are two of 1024, fourteen of 32, and four.
        let (found, files) = sorted(&hits, 1);
        assert_eq!(found, expected);
        assert_eq!(files, 2 + 14 + 4);
    }

    proptest! {
        #[test]
        fn the_order_does_not_depend_on_the_memory(
            times in prop::collection::vec(0i64..30, 0..120),
            memory in 1usize..4000,
        ) {
            let hits: Vec<_> = times.iter().zip(0..).map(|(&time, n)| hit(time, n)).collect();
            let mut expected = hits.clone();
            expected.sort_by_key(|hit| hit.order);
            prop_assert_eq!(sorted(&hits, memory).0, expected);
        }
    }
}
