//! Room for so much of something, bytes or requests, and what each request holds of it (P6).

use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::Gauge;

/// Room for so much. Nobody waits for it: who finds none is turned away.
pub(crate) struct Room {
    most: usize,
    held: AtomicUsize,
    gauge: Gauge,
}

/// Somebody's share of it, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share<'r> {
    room: &'r Room,
    size: usize,
}

/// There is not as much left.
#[derive(Debug)]
pub(crate) struct Full;

impl Room {
    /// Room for so much; the gauge shows what is held of it.
    pub(crate) fn new(most: usize, gauge: Gauge) -> Self {
        Self { most, held: AtomicUsize::new(0), gauge }
    }

    /// A share of so much.
    pub(crate) fn share(&self, size: usize) -> Result<Share<'_>, Full> {
        let mut share = Share { room: self, size: 0 };
        share.grow(size)?;
        Ok(share)
    }
}

impl Share<'_> {
    /// Takes so much more.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Full> {
        let Room { most, held, gauge } = self.room;
        let is_room = |held: usize| held.checked_add(more).filter(|sum| sum <= most);
        held.fetch_update(Ordering::AcqRel, Ordering::Acquire, is_room).map_err(|_| Full)?;
        gauge.increment(more as f64);
        self.size += more;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.held.fetch_sub(self.size, Ordering::AcqRel);
        self.room.gauge.decrement(self.size as f64);
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.held.load(Ordering::Relaxed), self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_so_much_and_no_more_and_who_goes_gives_his_share_back() {
        let room = Room::new(10, Gauge::noop());
        let mut first = room.share(6).unwrap();
        assert!(room.share(5).is_err() && first.grow(5).is_err(), "what is refused takes nothing");
        let second = room.share(3).unwrap();
        first.grow(1).unwrap();
        assert!(room.share(1).is_err());
        drop(first);
        assert!(room.share(8).is_err());
        room.share(7).unwrap();
        drop(second);
        assert!(room.share(usize::MAX).is_err());
        room.share(10).unwrap();
    }
}
