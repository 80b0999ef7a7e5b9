//! Several inputs as one, by time: rotated logs, or the logs of several servers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use events::Timestamp;

use super::Item;

/// What has a time to be merged by.
pub trait Timed {
    /// The time.
    fn time(&self) -> Timestamp;
}

impl Timed for Item {
    fn time(&self) -> Timestamp {
        self.time
    }
}

/// Always hands out the earliest of the inputs' next items; among equal times, that of the input named first.
/// Each input keeps its own order, whatever its times do, and at most one item of each is held.
pub struct Merge<I: Iterator> {
    /// `None` once it is at its end, so that its file is closed.
    inputs: Vec<Option<Slot<I>>>,
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

struct Slot<I: Iterator> {
    input: I,
    head: Option<I::Item>,
}

impl<T: Timed, E, I: Iterator<Item = Result<T, E>>> Merge<I> {
    /// Merges inputs, each with the time of its first item. An input is not touched before its time has come, so
    /// that of a thousand rotated logs only those are open that overlap.
    pub fn new(inputs: impl IntoIterator<Item = (Timestamp, I)>) -> Self {
        let mut merge = Self { inputs: Vec::new(), next: BinaryHeap::new() };
        for (place, (first, input)) in inputs.into_iter().enumerate() {
            merge.inputs.push(Some(Slot { input, head: None }));
            merge.next.push(Reverse((first, place)));
        }
        merge
    }

    /// Fetches the input's next item and queues it by its time.
    fn advance(&mut self, place: usize) {
        let Some(slot) = &mut self.inputs[place] else { return };
        slot.head = slot.input.next();
        match &slot.head {
            Some(Ok(item)) => self.next.push(Reverse((item.time(), place))),
            // An input that failed has no time; it comes before all else.
            Some(Err(_)) => self.next.push(Reverse((Timestamp::MIN, place))),
            None => self.inputs[place] = None,
        }
    }
}

impl<T: Timed, E, I: Iterator<Item = Result<T, E>>> Iterator for Merge<I> {
    type Item = Result<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Reverse((_, place)) = self.next.pop()?;
            let head = self.inputs[place].as_mut().and_then(|slot| slot.head.take());
            self.advance(place);
            // No head: the input was waiting for its first item's time, and is open from now on.
            if head.is_some() {
                return head;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::convert::Infallible;

    #[derive(Clone, PartialEq, Debug)]
    struct Entry {
        time: i64,
        input: usize,
        place: usize,
    }

    impl Timed for Entry {
        fn time(&self) -> Timestamp {
            Timestamp::from_millis(self.time)
        }
    }

    fn entries(inputs: &[Vec<i64>]) -> Vec<Vec<Entry>> {
        let entry = |input, (place, &time)| Entry { time, input, place };
        inputs
            .iter()
            .enumerate()
            .map(|(input, times)| times.iter().enumerate().map(|t| entry(input, t)).collect())
            .collect()
    }

    fn merged(inputs: &[Vec<i64>]) -> Vec<Entry> {
        let sources = entries(inputs).into_iter().map(|input| {
            let first = input.first().map_or(Timestamp::MIN, Timed::time);
            (first, input.into_iter().map(Ok::<_, Infallible>))
        });
        Merge::new(sources).map(|entry| entry.unwrap()).collect()
    }

    #[test]
    fn equal_times_come_in_the_order_of_the_files() {
        let order: Vec<_> = merged(&[vec![2, 2], vec![1, 2], vec![2]]).iter().map(|e| (e.input, e.place)).collect();
        assert_eq!(order, [(1, 0), (0, 0), (0, 1), (1, 1), (2, 0)]);
    }

    #[test]
    fn an_input_is_opened_when_its_time_comes_and_closed_at_its_end() {
        let open = Cell::new(0);
        let most = Cell::new(0);
        struct Open<'a>(std::vec::IntoIter<i64>, &'a Cell<u32>, &'a Cell<u32>, bool);
        impl Iterator for Open<'_> {
            type Item = Result<Entry, Infallible>;
            fn next(&mut self) -> Option<Self::Item> {
                if !self.3 {
                    self.3 = true;
                    self.1.set(self.1.get() + 1);
                    self.2.set(self.2.get().max(self.1.get()));
                }
                self.0.next().map(|time| Ok(Entry { time, input: 0, place: 0 }))
            }
        }
        impl Drop for Open<'_> {
            fn drop(&mut self) {
                self.1.set(self.1.get() - 1);
            }
        }
        let rotated = (0..50).map(|day| {
            let times = vec![day * 10, day * 10 + 5];
            (Timestamp::from_millis(day * 10), Open(times.into_iter(), &open, &most, false))
        });
        assert_eq!(Merge::new(rotated).count(), 100);
        assert_eq!((open.get(), most.get()), (0, 1));
    }

    #[test]
    fn an_error_ends_nothing_but_is_handed_out_at_once() {
        let inputs = [
            vec![Ok(Entry { time: 5, input: 0, place: 0 }), Err("broken")],
            vec![Ok(Entry { time: 7, input: 1, place: 0 })],
        ];
        let first = |input: &Vec<Result<Entry, &str>>| input[0].as_ref().unwrap().time();
        let all: Vec<_> = Merge::new(inputs.map(|input| (first(&input), input.into_iter()))).collect();
        assert!(matches!(all[..], [Ok(_), Err("broken"), Ok(_)]));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_input_is_reordered(
            inputs in prop::collection::vec(prop::collection::vec(0i64..50, 0..30), 0..6),
        ) {
            let all = merged(&inputs);
            for (input, expected) in entries(&inputs).into_iter().enumerate() {
                let kept: Vec<_> = all.iter().filter(|entry| entry.input == input).cloned().collect();
                prop_assert_eq!(kept, expected);
            }
        }

        #[test]
        fn inputs_in_order_make_an_output_in_order(
            mut inputs in prop::collection::vec(prop::collection::vec(0i64..50, 0..30), 0..6),
        ) {
            inputs.iter_mut().for_each(|times| times.sort_unstable());
            let all = merged(&inputs);
            prop_assert!(all.is_sorted_by_key(|entry| (entry.time, entry.input, entry.place)));
        }
    }
}
