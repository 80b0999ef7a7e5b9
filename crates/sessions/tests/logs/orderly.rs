//! Logs in which nobody is late, and logs whose sessions are long.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::fold::{hit_id, site, visitor};
use super::model::{Entry, Kind, Settings};
use super::ops::kind;
use super::says::{Says, says};
use super::{BASE, Log, OUT_OF_REACH};

/// The same hits in two orders, both within the lateness.
#[derive(Clone, Debug)]
pub struct Shuffled {
    /// One order.
    pub one: Log,
    /// Another.
    pub other: Log,
}

/// Something that happened, and how long it takes to the log in each of two orders.
#[derive(Clone, Debug)]
struct Happening {
    /// Half gaps and milliseconds since the one before.
    after: (i64, i64),
    who: (usize, usize),
    kind: Kind,
    says: Says,
    what: What,
    delays: (i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Hit,
    /// A hit that comes again, so many half gaps after the first time.
    HitTwice {
        half_gaps_later: i64,
    },
    /// A tick at the moment at which it reaches the log.
    Tick,
}

const GAP: i64 = 100;

/// No delay exceeds the lateness, so that no first arrival is behind the watermark. Each comes at least so many
/// milliseconds after the one before.
fn happening(lateness: i64, least: i64) -> impl Strategy<Value = Happening> {
    let millis = prop_oneof![3 => Just(least), 1 => least..=1i64];
    let after = (prop_oneof![4 => 0..=2i64, 1 => 0..=6i64], millis);
    let what = prop_oneof![
        8 => Just(What::Hit),
        2 => (0..12i64).prop_map(|half_gaps_later| What::HitTwice { half_gaps_later }),
        1 => Just(What::Tick),
    ];
    let who = (prop_oneof![4 => Just(0usize), 1 => Just(1usize)], 0..3usize);
    (after, who, kind(), says(), what, (0..=lateness, 0..=lateness))
        .prop_map(|(after, who, kind, says, what, delays)| Happening { after, who, kind, says, what, delays })
}

/// Two orders of the same orderly hits; the maxima are out of reach.
pub fn shuffled() -> impl Strategy<Value = Shuffled> {
    shuffled_apart(0)
}

/// As [`shuffled`], and no two hits have the same time.
pub fn shuffled_without_ties() -> impl Strategy<Value = Shuffled> {
    shuffled_apart(1)
}

fn shuffled_apart(least: i64) -> impl Strategy<Value = Shuffled> {
    prop_oneof![Just(150i64), Just(50i64), Just(0i64), Just(600i64)].prop_flat_map(move |lateness| {
        vec(happening(lateness, least), 1..60).prop_map(move |happenings| Shuffled {
            one: log(lateness, &happenings, |happening| happening.delays.0),
            other: log(lateness, &happenings, |happening| happening.delays.1),
        })
    })
}

/// A log in which nobody is late, though hits are out of order and come twice.
pub fn orderly() -> impl Strategy<Value = Log> {
    shuffled().prop_map(|shuffled| shuffled.one)
}

/// What arrives when is decided by time and delay: whoever came before happened at most the lateness later.
fn log(lateness: i64, happenings: &[Happening], delay: impl Fn(&Happening) -> i64) -> Log {
    let mut arrivals = Vec::new();
    let mut time = BASE;
    for (number, happening) in happenings.iter().enumerate() {
        time += happening.after.0 * (GAP / 2) + happening.after.1;
        let arrives = time + delay(happening);
        let hit = Entry::Hit {
            offset: 0,
            append: 0,
            event_time: time,
            site: site(happening.who.0),
            visitor: Some(visitor(happening.who.1)),
            hit_id: hit_id(number),
            kind: happening.kind.clone(),
        };
        let says = Some(happening.says.clone());
        match happening.what {
            What::Hit => arrivals.push(Arrival { at: arrives, entry: hit, says }),
            What::HitTwice { half_gaps_later } => {
                arrivals.push(Arrival { at: arrives, entry: hit.clone(), says: says.clone() });
                arrivals.push(Arrival { at: arrives + half_gaps_later * (GAP / 2), entry: hit, says });
            }
            What::Tick => {
                let entry = Entry::Tick { offset: 0, append: 0, time: arrives };
                arrivals.push(Arrival { at: arrives, entry, says: None });
            }
        }
    }
    arrivals.sort_by_key(|arrival| arrival.at);
    let settings = Settings {
        gap: GAP,
        lateness,
        max_session: OUT_OF_REACH as i64,
        max_hits: OUT_OF_REACH,
        max_open_sessions: OUT_OF_REACH,
    };
    ended(settings, arrivals)
}

/// One visitor's hits, more than a final session lists pages of, many at the same time and in no order, with now and
/// then a hole between them that a later hit closes.
pub fn long_sessions() -> impl Strategy<Value = Log> {
    let hit = (0..60i64, kind(), says(), 0..1000u32);
    (vec(hit, 80..180), prop_oneof![Just(OUT_OF_REACH), 90..130usize]).prop_map(|(hits, max_hits)| {
        let settings = Settings {
            gap: GAP,
            lateness: 10_000,
            max_session: OUT_OF_REACH as i64,
            max_hits,
            max_open_sessions: OUT_OF_REACH,
        };
        let mut arrivals: Vec<_> = hits
            .into_iter()
            .enumerate()
            .map(|(number, (time, kind, says, sort_key))| {
                let entry = Entry::Hit {
                    offset: 0,
                    append: 0,
                    event_time: BASE + time * (GAP / 2),
                    site: site(0),
                    visitor: Some(visitor(0)),
                    hit_id: hit_id(number),
                    kind,
                };
                (sort_key, Arrival { at: BASE + 10_000, entry, says: Some(says) })
            })
            .collect();
        arrivals.sort_by_key(|(sort_key, _)| *sort_key);
        ended(settings, arrivals.into_iter().map(|(_, arrival)| arrival).collect())
    })
}

/// A record on its way to the log.
struct Arrival {
    at: i64,
    entry: Entry,
    /// Of a hit.
    says: Option<Says>,
}

/// Gives records, in the order in which they arrive, offsets and append times, and ends the log.
fn ended(settings: Settings, arrivals: Vec<Arrival>) -> Log {
    let (mut entries, mut said) = (Vec::new(), BTreeMap::new());
    let mut newest = BASE;
    for Arrival { at, mut entry, says } in arrivals {
        newest = at;
        let place = entries.len() as i64;
        match &mut entry {
            Entry::Hit { offset, append, .. } | Entry::Tick { offset, append, .. } => {
                (*offset, *append) = (place, at);
            }
            Entry::Settings { .. } | Entry::Draining { .. } | Entry::End { .. } => {}
        }
        said.extend(says.map(|says| (place, says)));
        entries.push(entry);
    }
    entries.push(Entry::End { offset: entries.len() as i64, append: newest });
    Log { settings, entries, says: said }
}
