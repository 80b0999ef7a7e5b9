//! Reading: the records in the order in which they were appended, once they are durable.

use std::io;

use crate::disk::{Disk, Folder};
use crate::error::SpoolError;
use crate::ledger::{Place, Shared};
use crate::record::{Record, Seq};
use crate::scan::{Scan, Step};
use crate::segment;

/// Reads a spool. There is one of it.
#[derive(Debug)]
pub struct Reader(pub(crate) Cursor<Folder>);

/// Some records, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Run {
    /// The records.
    pub records: Vec<Record>,
    /// The position behind them: what to advance to when they are done with.
    pub next: Seq,
    /// What could not be read on the way.
    pub damage: Vec<Damage>,
}

/// A part of the spool that cannot be read any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// The offset at which it begins.
    pub at: u64,
    /// Bytes that are no records.
    pub bytes: u64,
    /// Records that were acknowledged and are lost.
    pub records: u64,
}

impl Reader {
    /// The next records, about so many bytes of them and at least one, each once while the process lives. Nothing where all
    /// were read. Reads files, so it blocks for as long as the disk takes.
    ///
    /// # Errors
    ///
    /// Where the disk fails. Asking again goes on at the same record.
    pub fn read(&mut self, about_bytes: usize) -> Result<Option<Run>, SpoolError> {
        self.0.read(about_bytes)
    }
}

/// The reader on any disk.
#[derive(Debug)]
pub(crate) struct Cursor<D: Disk> {
    disk: D,
    ledger: Shared,
    /// The next record.
    at: Seq,
    /// Where it lies: the segment's first record, and the scan of it.
    scan: Option<(Seq, Scan<D::File>)>,
}

impl<D: Disk> Cursor<D> {
    /// Starts at the position.
    pub(crate) fn new(disk: D, ledger: Shared) -> Self {
        let at = ledger.lock().position;
        Self { disk, ledger, at, scan: None }
    }

    pub(crate) fn read(&mut self, about_bytes: usize) -> Result<Option<Run>, SpoolError> {
        let (mut run, mut bytes) = (Run::default(), 0);
        while bytes < about_bytes {
            let (end, place) = {
                let ledger = self.ledger.lock();
                (ledger.end, ledger.place(self.at))
            };
            if self.at >= end {
                break;
            }
            if let Err(error) = self.read_place(place, about_bytes, &mut run, &mut bytes) {
                self.scan = None;
                if run.records.is_empty() {
                    return Err(error);
                }
                break;
            }
        }
        run.next = self.at;
        Ok((!run.records.is_empty() || !run.damage.is_empty()).then_some(run))
    }

    /// Reads on in one segment, to its end at most.
    fn read_place(
        &mut self,
        place: Place,
        about_bytes: usize,
        run: &mut Run,
        bytes: &mut usize,
    ) -> Result<(), SpoolError> {
        let Place { segment, until } = place;
        let name = segment::name(segment.map_or(self.at, |segment| segment.first));
        let scan = match segment {
            Some(segment) => self.scan(segment.first, segment.bytes),
            None => Ok(None),
        };
        let scan = scan.map_err(|error| SpoolError::of("read", &name, &error))?;
        let Some(mut scan) = scan else {
            // The file is gone.
            run.damage.push(Damage { file: name, at: 0, bytes: 0, records: until.since(self.at) });
            self.at = until;
            return Ok(());
        };
        let first = segment.map_or(self.at, |segment| segment.first);
        let mut unread: Option<Damage> = None;
        while *bytes < about_bytes {
            let step = scan.next().map_err(|error| SpoolError::of("read", &name, &error))?;
            let (seq, frame) = match step {
                Step::Frame(frame, _) if frame.seq < self.at => continue,
                Step::Frame(frame, _) if frame.seq < until => (frame.seq, Some(frame)),
                Step::Damage { at, bytes } => {
                    let part = Damage { file: name.clone(), at, bytes, records: 0 };
                    unread.get_or_insert(Damage { bytes: 0, ..part }).bytes += bytes;
                    continue;
                }
                // What lies behind the beginning of the next segment was never promised.
                Step::Frame(..) | Step::End => (until, None),
            };
            let lost = seq.since(self.at);
            if lost > 0 {
                let found = unread.take();
                let damage = found.unwrap_or(Damage { file: name.clone(), at: 0, bytes: 0, records: 0 });
                run.damage.push(Damage { records: lost, ..damage });
            }
            unread = None;
            self.at = seq;
            let Some(frame) = frame else { return Ok(()) };
            *bytes += frame.record.size() + crate::frame::OVERHEAD;
            run.records.push(frame.record);
            self.at = seq.plus(1);
            if self.at == until {
                break;
            }
        }
        self.scan = Some((first, scan));
        Ok(())
    }

    /// The scan of a segment, where it was left; none where the file is gone.
    fn scan(&mut self, first: Seq, bytes: u64) -> io::Result<Option<Scan<D::File>>> {
        if let Some((of, mut scan)) = self.scan.take()
            && of == first
        {
            scan.extend(bytes);
            return Ok(Some(scan));
        }
        match self.disk.open(&segment::name(first)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Scan::new(file?, first.0, bytes).map(Some),
        }
    }
}
