//! When the tombstones of a compacted topic may go.

use std::collections::VecDeque;

use events::{NextOffset, Timestamp};

use crate::TOMBSTONES_KEPT;

/// What the looks at one partition found. Who begins to read it after a look meets nothing that a tombstone before the
/// found position overrules: that tombstone is kept for those alone who began before. So its time runs from that look,
/// and not from when it was appended: after a long pause all of them would be old at once, and those who have just read
/// what they overrule would never meet them.
#[derive(Debug)]
pub(in crate::embedded) struct Looks {
    /// Those that somebody may have begun before who is still reading; the oldest first.
    recent: VecDeque<(Timestamp, NextOffset)>,
    /// Nobody needs the tombstones before this any more.
    done: NextOffset,
}

impl Default for Looks {
    fn default() -> Self {
        Self { recent: VecDeque::new(), done: NextOffset::START }
    }
}

impl Looks {
    /// Notes up to where nothing superseded stands now, and tells up to where tombstones may go.
    pub(super) fn look(&mut self, clean: NextOffset, now: Timestamp) -> NextOffset {
        let newest = self.recent.back().map_or(self.done, |&(_, position)| position);
        if clean > newest {
            self.recent.push_back((now, clean));
        }
        while let Some((_, position)) = self.recent.pop_front_if(|&mut (at, _)| at < now - TOMBSTONES_KEPT) {
            self.done = position;
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use events::Span;

    use super::*;

    #[test]
    fn a_tombstone_stays_for_its_time_from_the_first_look_that_found_nothing_of_what_it_overrules() {
        let (mut looks, start) = (Looks::default(), Timestamp::from_millis(1_700_000_000_000));
        let mut look = |clean, minutes| looks.look(NextOffset(clean), start + Span::from_mins(minutes)).0;
        assert_eq!([look(5, 0), look(5, 10), look(8, 14), look(8, 15)], [0; 4]);
        assert_eq!([look(9, 16), look(9, 29), look(9, 30), look(9, 31), look(9, 32)], [5, 5, 8, 8, 9]);
    }
}
