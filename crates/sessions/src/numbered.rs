//! Things that many hold at once, by number.
//!
//! The standard library's shared references are counted by instructions that lock the memory, and that wait until all that
//! was written before has left the core; a hit took five of them. An engine belongs to one thread at a time, and counts by
//! itself.

use crate::prefetch::prefetch;

/// Names a thing that is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number(u32);

/// Things by number. Who takes a number with [`Numbered::add`] or [`Numbered::hold`] gives it back once with
/// [`Numbered::release`]; with the last one the thing goes, and its number is another's.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    places: Vec<Place<T>>,
    free: Vec<Number>,
}

#[derive(Debug)]
struct Place<T> {
    holders: u32,
    thing: Option<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Numbered<T> {
    /// Takes a thing in, for one holder.
    pub(crate) fn add(&mut self, thing: T) -> Number {
        let place = Place { holders: 1, thing: Some(thing) };
        match self.free.pop() {
            Some(number) => {
                self.places[number.0 as usize] = place;
                number
            }
            None => {
                let number = u32::try_from(self.places.len()).expect("four billion things do not fit into memory");
                self.places.push(place);
                Number(number)
            }
        }
    }

    /// One holder more.
    #[inline]
    pub(crate) fn hold(&mut self, number: Number) -> Number {
        self.places[number.0 as usize].holders += 1;
        number
    }

    /// One holder less.
    #[inline]
    pub(crate) fn release(&mut self, number: Number) {
        let place = &mut self.places[number.0 as usize];
        place.holders -= 1;
        if place.holders == 0 {
            self.forget(number);
        }
    }

    #[cold]
    fn forget(&mut self, number: Number) {
        self.places[number.0 as usize].thing = None;
        self.free.push(number);
    }

    /// What is held by the number.
    #[inline]
    pub(crate) fn get(&self, number: Number) -> &T {
        self.places[number.0 as usize].thing.as_ref().expect("what is held stands")
    }

    /// Asks for what is held by the number.
    #[inline]
    pub(crate) fn prefetch(&self, number: Number) {
        prefetch(&self.places[number.0 as usize]);
    }

    /// Whether there is one holder and no other.
    pub(crate) fn is_held_once(&self, number: Number) -> bool {
        self.places[number.0 as usize].holders == 1
    }

    /// Whether nothing has more than one holder.
    #[cfg(test)]
    pub(crate) fn is_each_held_once(&self) -> bool {
        self.places.iter().all(|place| place.holders <= 1)
    }

    /// How many things are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_stands_until_its_last_holder_lets_go() {
        let mut numbered = Numbered::default();
        let (one, two) = (numbered.add("one"), numbered.add("two"));
        let again = numbered.hold(one);
        numbered.release(one);
        assert_eq!((numbered.get(again), numbered.get(two), numbered.len()), (&"one", &"two", 2));
        assert!(numbered.is_held_once(again));
        numbered.release(again);
        assert_eq!((numbered.add("three"), numbered.len()), (one, 2));
    }
}
