//! Offsets that are missing before a record: whether to ask if they have expired. Pure.

use std::time::{Duration, Instant};

/// How often it is asked about a single one. On Kafka each transaction leaves an offset without a record.
const ASKED_ABOUT_ONE: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(crate) struct Holes {
    asked_about_one: Option<Instant>,
}

impl Holes {
    /// Whether so many offsets may hold records that were lost.
    pub(crate) fn may_be_lost(&mut self, missing: i64, now: Instant) -> bool {
        if missing == 1 {
            let was_asked = self.asked_about_one.is_some_and(|asked| now.duration_since(asked) < ASKED_ABOUT_ONE);
            if was_asked {
                return false;
            }
            self.asked_about_one = Some(now);
        }
        missing > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_missing_is_asked_about_once_a_minute_and_more_always() {
        let (mut holes, now) = (Holes::default(), Instant::now());
        let mut at = |missing, seconds| holes.may_be_lost(missing, now + Duration::from_secs(seconds));
        assert_eq!([at(0, 0), at(1, 0), at(1, 59), at(2, 59), at(1, 60)], [false, true, false, true, true]);
    }
}
