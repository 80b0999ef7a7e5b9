//! Texts that many sessions have alike, kept once.

use events::text::is_plain;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::{Channel, Origin, Place};
use crate::fragment::Fragment;
use crate::numbered::{Number, Numbered};
use crate::varint;

/// The texts of an origin or a place in one piece, and its hash.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Texts {
    bytes: Box<[u8]>,
    hash: u64,
}

impl Texts {
    /// Packs them.
    pub(super) fn of<const N: usize>(texts: [Option<&str>; N]) -> Self {
        let mut bytes = Vec::new();
        pack(texts, &mut bytes);
        Self { hash: xxh3_64(&bytes), bytes: bytes.into() }
    }
}

/// Texts that may be absent: each with its length and one more, 0 for none.
fn pack<const N: usize>(texts: [Option<&str>; N], bytes: &mut Vec<u8>) {
    for text in texts {
        varint::put(bytes, text.map_or(0, |text| text.len() as u64 + 1));
        bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
    }
}

/// An origin or a place, as sessions share it.
#[derive(Debug)]
pub(crate) struct Packed {
    /// See [`pack`].
    texts: Box<[u8]>,
    /// The fields of a session's record that follow from them, but for the referrer: written once for all
    /// sessions that share them.
    json: Fragment,
    /// See [`Packed::has_plain_referrer`].
    has_plain_referrer: bool,
}

impl Packed {
    fn new(texts: &[u8], json: Fragment) -> Self {
        let mut packed = Self { texts: texts.into(), json, has_plain_referrer: false };
        packed.has_plain_referrer = packed.referrer().is_some_and(is_plain);
        packed
    }

    /// What was packed as an origin.
    pub(crate) fn origin(&self) -> Origin<'_> {
        let [referrer, source, medium, campaign, term, content, channel] = self.texts();
        let channel = channel.and_then(Channel::parse);
        Origin { referrer, source, medium, campaign, term, content, channel }
    }

    /// What was packed as a place.
    pub(crate) fn place(&self) -> Place<'_> {
        let [country, region, language, screen] = self.texts();
        Place { country, region, language, screen }
    }

    /// Of an origin `,"source":"google",…,"channel":"organic_search"`; of a place `,"country":"DE",…`.
    pub(crate) fn json(&self) -> &Fragment {
        &self.json
    }

    /// Of an origin: whether it is known that the referrer needs no escape in JSON.
    pub(crate) fn has_plain_referrer(&self) -> bool {
        self.has_plain_referrer
    }

    /// Of an origin: the referrer, which is too often another one, and too long, to be kept twice.
    pub(crate) fn referrer(&self) -> Option<&[u8]> {
        let mut rest = &self.texts[..];
        let len = varint::take(&mut rest).checked_sub(1)?;
        Some(&rest[..len as usize])
    }

    fn texts<const N: usize>(&self) -> [Option<&str>; N] {
        let mut rest = &self.texts[..];
        std::array::from_fn(|_| {
            let len = varint::take(&mut rest).checked_sub(1)? as usize;
            let (text, tail) = rest.split_at(len);
            rest = tail;
            Some(std::str::from_utf8(text).expect("it was put in as text"))
        })
    }
}

/// How many origins, and how many places, are kept for sharing. More than that are simply not shared.
const MOST_SHARED: usize = 16 * 1024;

/// Packed texts, each once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// What is shared; the pool itself is a holder of each.
    known: HashTable<Number>,
    pub(super) all: Numbered<Packed>,
    packing: Vec<u8>,
    /// With a full pool: how many unknown ones pass before it is swept again, so that a flood of different ones
    /// costs no sweep each.
    until_sweep: usize,
}

impl Pool {
    /// Packs texts and shares them: see [`Pool::share`].
    pub(super) fn pack_and_share<const N: usize>(
        &mut self,
        texts: [Option<&str>; N],
        json: impl FnOnce() -> Fragment,
    ) -> Number {
        let mut bytes = std::mem::take(&mut self.packing);
        bytes.clear();
        pack(texts, &mut bytes);
        let number = self.find_or_add(xxh3_64(&bytes), &bytes, json);
        self.packing = bytes;
        number
    }

    /// The same as these, for one holder more.
    pub(super) fn share(&mut self, texts: &Texts, json: impl FnOnce() -> Fragment) -> Number {
        self.find_or_add(texts.hash, &texts.bytes, json)
    }

    #[inline]
    fn find_or_add(&mut self, hash: u64, texts: &[u8], json: impl FnOnce() -> Fragment) -> Number {
        let Self { known, all, .. } = self;
        match known.find(hash, |&number| *all.get(number).texts == *texts) {
            Some(&number) => all.hold(number),
            None => self.add(hash, Packed::new(texts, json())),
        }
    }

    #[cold]
    fn add(&mut self, hash: u64, packed: Packed) -> Number {
        let Self { known, all, until_sweep, .. } = self;
        if known.len() >= MOST_SHARED {
            if *until_sweep == 0 {
                known.retain(|&mut number| {
                    let is_in_use = !all.is_held_once(number);
                    if !is_in_use {
                        all.release(number);
                    }
                    is_in_use
                });
                *until_sweep = MOST_SHARED;
            }
            *until_sweep -= 1;
        }
        if known.len() >= MOST_SHARED {
            return all.add(Packed { json: packed.json.trimmed(), ..packed });
        }
        let number = all.add(packed);
        known.insert_unique(hash, all.hold(number), |&number| xxh3_64(&all.get(number).texts));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_json() -> Fragment {
        Fragment::new(Vec::new())
    }

    #[test]
    fn a_full_pool_makes_room_for_what_is_in_use_and_forgets_what_is_not() {
        let mut pool = Pool::default();
        for number in 0..3 * MOST_SHARED {
            let alone = pool.pack_and_share([Some(number.to_string().as_str())], no_json);
            pool.all.release(alone);
        }
        assert!(pool.known.len() <= MOST_SHARED && pool.all.len() == pool.known.len());
        let one = pool.pack_and_share([Some("one")], no_json);
        assert_eq!(one, pool.pack_and_share([Some("one")], no_json));
    }
}
