//! Bytes that nobody wrote: opening and reading a folder of them ends, and never panics.
//!
//! Bounded in `make test`; `TOOLS_FUZZ_SECONDS` lets it go on.

use std::time::{Duration, Instant};

use super::*;
use crate::frame::{Frame, MARK};
use crate::scan::{Scan, Step};
use crate::segment::{self, HEADER};

/// A folder is opened and read this often where nobody asks for more.
const ROUNDS: u64 = 3000;

struct Draw(u64);

impl Draw {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.below(256) as u8).collect()
    }

    /// Pieces of what a segment is made of, whole and broken, in any order.
    fn segment(&mut self, first: Seq) -> Vec<u8> {
        let mut bytes = if self.below(4) > 0 { HEADER.to_vec() } else { self.bytes(12) };
        for _ in 0..self.below(12) {
            match self.below(6) {
                0 => bytes.extend(self.bytes(60)),
                1 => bytes.extend_from_slice(&MARK[..self.below(5)]),
                2 => {
                    bytes.extend_from_slice(&MARK);
                    bytes.extend_from_slice(&(self.below(1 << 23) as u32).to_le_bytes());
                }
                _ => {
                    let seq = first.plus(self.below(8) as u64);
                    let salt = if self.below(8) == 0 { 1 } else { first.0 };
                    Frame::encode(seq, NOW, &record(seq.0), salt, &mut bytes);
                }
            }
        }
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at).filter(|_| at != 7) {
                *byte = byte.wrapping_add(1);
            }
        }
        bytes.truncate(bytes.len() - self.below(3) * self.below(bytes.len() / 2 + 1) / 2);
        bytes
    }
}

/// How long a run may go on beyond its rounds.
fn patience() -> Duration {
    let seconds = std::env::var("TOOLS_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

#[test]
fn any_folder_is_opened_or_refused_read_to_its_end_and_written_to() {
    let (started, mut draw) = (Instant::now(), Draw(20_261_121));
    let mut rounds = 0;
    while rounds < ROUNDS || started.elapsed() < patience() {
        rounds += 1;
        let disk = Memory::default();
        for _ in 0..draw.below(4) {
            let first = Seq(draw.below(12) as u64);
            let bytes = draw.segment(first);
            disk.put(&segment::name(first), &bytes);
        }
        if draw.below(2) == 0 {
            let bytes = draw.bytes(5000);
            disk.put(crate::position::NAME, &bytes);
        }
        let Ok(mut open) = Open::try_at(&disk) else { continue };
        let (_, records) = open.holds();
        let run = open.drain();
        assert!(run.records.len() as u64 <= records, "round {rounds}: more than there are");
        let lost: u64 = run.damage.iter().map(|damage| damage.records).sum();
        assert_eq!(run.records.len() as u64 + lost, records, "round {rounds}: {:?}", run.damage);
        open.append(&[record(1000)]).unwrap();
        assert_eq!(numbers(&open.drain()), [1000], "round {rounds}");
        assert_eq!(numbers(&Open::at(&disk).drain()).last(), Some(&1000), "round {rounds}");
    }
    println!("{rounds} folders");
}

#[test]
fn a_scan_of_any_bytes_accounts_for_each_of_them() {
    let (started, mut draw) = (Instant::now(), Draw(7));
    let mut rounds = 0;
    while rounds < ROUNDS || started.elapsed() < patience() {
        rounds += 1;
        let disk = Memory::default();
        let bytes = draw.segment(Seq(3));
        disk.put("file", &bytes);
        let mut scan = Scan::new(disk.open("file").unwrap(), 3, bytes.len() as u64).unwrap();
        let mut at = if bytes.starts_with(&HEADER) { HEADER.len() as u64 } else { 0 };
        loop {
            match scan.next().unwrap() {
                Step::Frame(_, behind) => at = behind,
                Step::Damage { at: from, bytes } => {
                    assert!(from == at && bytes > 0, "round {rounds}");
                    at += bytes;
                }
                Step::End => break,
            }
        }
        assert_eq!(at, bytes.len() as u64, "round {rounds}");
    }
}
