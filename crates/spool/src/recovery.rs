//! Opening a folder: what a crash left of it is found, the last record that it tore is cut off, and what is done with goes.

use std::io;

use crate::disk::{Disk, DiskFile};
use crate::error::SpoolError;
use crate::ledger::{Ledger, Segment};
use crate::position::PositionFile;
use crate::record::Seq;
use crate::scan::{Scan, Step};
use crate::segment;

/// What was found in a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Records that were not done with.
    pub records: u64,
    /// Bytes at the end that were no record: a write that a crash tore, whose records nobody acknowledged.
    pub torn_bytes: u64,
}

/// A folder that was opened.
#[derive(Debug)]
pub(crate) struct Recovered<F> {
    pub(crate) position: PositionFile<F>,
    pub(crate) ledger: Ledger,
    pub(crate) found: Found,
}

/// Opens a folder, and leaves nothing in it but whole segments that are needed.
pub(crate) fn recover<D: Disk>(disk: &D) -> Result<Recovered<D::File>, SpoolError> {
    let failed = |doing: &str, error: &io::Error| SpoolError::of(doing, "the spool's folder", error);
    let (position_file, position) =
        PositionFile::open(disk).map_err(|error| SpoolError::of("open", crate::position::NAME, &error))?;
    let mut firsts: Vec<Seq> =
        disk.names().map_err(|error| failed("list", &error))?.iter().filter_map(|name| segment::first(name)).collect();
    firsts.sort_unstable();

    let mut ledger = Ledger::starting_at(position);
    let mut torn_bytes = 0;
    for (index, &first) in firsts.iter().enumerate() {
        let is_last = index + 1 == firsts.len();
        let opened = Opened::look(disk, first, is_last)?;
        let kept = match firsts.get(index + 1) {
            // Where the next one begins, this one ends, whatever lies in it beyond that.
            Some(&next) => Some((opened.size, next)).filter(|_| next > position),
            None => {
                torn_bytes = opened.size - opened.whole;
                opened.cut(disk)?.filter(|(_, end)| *end > position)
            }
        };
        ledger.end = ledger.end.max(first).max(kept.map_or(first, |(_, end)| end));
        match kept {
            Some((bytes, _)) => {
                ledger.segments.push_back(Segment { first, bytes });
                if let Some(time) = opened.time {
                    ledger.mark(first, time);
                }
            }
            None => disk.remove(&segment::name(first)).map_err(|error| failed("tidy up", &error))?,
        }
    }
    disk.sync().map_err(|error| failed("sync", &error))?;
    let found = Found { records: ledger.records(), torn_bytes };
    Ok(Recovered { position: position_file, ledger, found })
}

/// What a segment holds.
struct Opened {
    first: Seq,
    size: u64,
    /// The offset behind the last whole frame.
    whole: u64,
    /// The position behind it; none where there is no frame.
    end: Option<Seq>,
    /// When the first frame was appended.
    time: Option<events::Timestamp>,
}

impl Opened {
    /// Reads all of it where it is the last one, else only its first frame.
    fn look<D: Disk>(disk: &D, first: Seq, is_last: bool) -> Result<Self, SpoolError> {
        let name = segment::name(first);
        let failed = |error: &io::Error| SpoolError::of("read", &name, error);
        let file = disk.open(&name).map_err(|error| failed(&error))?;
        let size = file.size().map_err(|error| failed(&error))?;
        let mut header = segment::HEADER;
        let read = file.read_at(0, &mut header).map_err(|error| failed(&error))?;
        if segment::is_foreign(&header[..read]) {
            return Err(SpoolError::Refused(format!(
                "{name} is of format {}, which this build does not know; a newer one must read it out",
                header[7].escape_ascii()
            )));
        }
        let mut opened = Self { first, size, whole: 0, end: None, time: None };
        let mut scan = Scan::new(file, first.0, size).map_err(|error| failed(&error))?;
        loop {
            match scan.next().map_err(|error| failed(&error))? {
                Step::Frame(frame, offset) => {
                    opened.time.get_or_insert(frame.time);
                    opened.end = opened.end.max(Some(frame.seq.plus(1)));
                    opened.whole = offset;
                    if !is_last {
                        return Ok(opened);
                    }
                }
                Step::Damage { .. } => {}
                Step::End => return Ok(opened),
            }
        }
    }

    /// Cuts off what is behind the last whole frame. Size and end of what is left; none where that is nothing.
    fn cut<D: Disk>(&self, disk: &D) -> Result<Option<(u64, Seq)>, SpoolError> {
        let Some(end) = self.end else { return Ok(None) };
        if self.whole < self.size {
            let name = segment::name(self.first);
            let cut = disk.open(&name).and_then(|mut file| file.cut(self.whole).and_then(|()| file.sync()));
            cut.map_err(|error| SpoolError::of("cut", &name, &error))?;
        }
        Ok(Some((self.whole, end)))
    }
}
