//! Writing: records of many callers at once, one sync for all of them; and positions, with what they make superfluous.

use std::io;

use events::Timestamp;

use crate::disk::{Disk, DiskFile};
use crate::error::SpoolError;
use crate::frame::Frame;
use crate::ledger::{Segment, Shared};
use crate::position::PositionFile;
use crate::record::{Record, Seq};
use crate::segment;

/// The one who writes into a folder.
#[derive(Debug)]
pub(crate) struct Writer<D: Disk> {
    disk: D,
    position: PositionFile<D::File>,
    ledger: Shared,
    /// A segment is closed when it has this many bytes.
    segment_bytes: u64,
    /// The segment that is written to. What a process before this one wrote is never written to again.
    active: Option<Active<D::File>>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Active<F> {
    first: Seq,
    file: F,
    /// How much of it is durable.
    bytes: u64,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(disk: D, position: PositionFile<D::File>, ledger: Shared, segment_bytes: u64) -> Self {
        Self { disk, position, ledger, segment_bytes, active: None, buffer: Vec::new() }
    }

    /// The records are durable when this returns, in their order. On an error none of them is promised.
    pub(crate) fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = (Timestamp, &'a Record)>,
    ) -> Result<(), SpoolError> {
        let start = self.ledger.lock().end;
        let mut active = match self.active.take() {
            Some(active) if active.bytes < self.segment_bytes => active,
            _ => self.create(start)?,
        };
        self.buffer.clear();
        let mut end = start;
        let mut times = Vec::new();
        for (time, record) in records {
            Frame::encode(end, time, record, active.first.0, &mut self.buffer);
            if times.last().is_none_or(|(_, last)| *last != time) {
                times.push((end, time));
            }
            end = end.plus(1);
        }
        let bytes = active.bytes;
        let is_new = bytes == segment::HEADER.len() as u64;
        let written = active.file.write_at(bytes, &self.buffer).and_then(|()| active.file.sync());
        // A file that nobody finds after a crash keeps nothing.
        let written = written.and_then(|()| if is_new { self.disk.sync() } else { Ok(()) });
        if let Err(error) = written {
            let name = segment::name(active.first);
            self.give_up(active, is_new);
            return Err(SpoolError::of("write to", &name, &error));
        }
        active.bytes += self.buffer.len() as u64;
        let mut ledger = self.ledger.lock();
        match ledger.segments.back_mut().filter(|last| last.first == active.first) {
            Some(last) => last.bytes = active.bytes,
            None => ledger.segments.push_back(Segment { first: active.first, bytes: active.bytes }),
        }
        ledger.end = end;
        for (seq, time) in times {
            ledger.mark(seq, time);
        }
        drop(ledger);
        self.active = Some(active);
        Ok(())
    }

    /// Everything before the position is done with, for good when this returns.
    pub(crate) fn advance(&mut self, to: Seq) -> Result<(), SpoolError> {
        let to = {
            let ledger = self.ledger.lock();
            if to <= ledger.position {
                return Ok(());
            }
            to.min(ledger.end)
        };
        // Before anything is removed: without segments, the position alone says which number comes next.
        self.position.store(to).map_err(|error| SpoolError::of("write to", crate::position::NAME, &error))?;
        let done = self.ledger.lock().advance(to);
        for Segment { first, .. } in done {
            if self.active.as_ref().is_some_and(|active| active.first == first) {
                self.active = None;
            }
            let name = segment::name(first);
            if let Err(error) = self.disk.remove(&name) {
                tracing::warn!(%error, name, "a segment that is done with cannot be removed; the next start tries again");
            }
        }
        Ok(())
    }

    fn create(&self, first: Seq) -> Result<Active<D::File>, SpoolError> {
        let name = segment::name(first);
        let created = self.disk.create(&name).and_then(|mut file| {
            let written = file.write_at(0, &segment::HEADER);
            written.map(|()| file)
        });
        match created {
            Ok(file) => Ok(Active { first, file, bytes: segment::HEADER.len() as u64 }),
            Err(error) => {
                self.remove_unused(&name);
                Err(SpoolError::of("create", &name, &error))
            }
        }
    }

    /// Leaves a segment that could not be written to as it was before, as well as that goes. After a sync that failed nobody
    /// knows what the disk holds of it, so nothing is added to it again; if a part of what was refused stays in it, the
    /// number of the next segment says that it does not count.
    fn give_up(&self, mut active: Active<D::File>, is_new: bool) {
        if is_new {
            self.remove_unused(&segment::name(active.first));
            return;
        }
        let cut = active.file.cut(active.bytes).and_then(|()| active.file.sync());
        if let Err(error) = cut {
            tracing::debug!(%error, "a half-written segment could not be cut");
        }
    }

    fn remove_unused(&self, name: &str) {
        match self.disk.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(%error, name, "an unused segment could not be removed");
            }
            _ => {}
        }
    }
}
