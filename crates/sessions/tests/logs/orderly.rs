//! Logs in which nobody is late, and logs whose sessions are long.

use proptest::collection::vec;
use proptest::prelude::*;

use super::fold::{hit_id, site, visitor};
use super::model::{Entry, Kind, Settings};
use super::ops::kind;
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

/// No delay exceeds the lateness, so that no first arrival is behind the watermark.
fn happening(lateness: i64) -> impl Strategy<Value = Happening> {
    let after = (prop_oneof![4 => 0..=2i64, 1 => 0..=6i64], prop_oneof![3 => Just(0i64), 1 => 0..=1i64]);
    let what = prop_oneof![
        8 => Just(What::Hit),
        2 => (0..12i64).prop_map(|half_gaps_later| What::HitTwice { half_gaps_later }),
        1 => Just(What::Tick),
    ];
    let who = (prop_oneof![4 => Just(0usize), 1 => Just(1usize)], 0..3usize);
    (after, who, kind(), what, (0..=lateness, 0..=lateness)).prop_map(|(after, who, kind, what, delays)| Happening {
        after,
        who,
        kind,
        what,
        delays,
    })
}

/// Two orders of the same orderly hits; the maxima are out of reach.
pub fn shuffled() -> impl Strategy<Value = Shuffled> {
    prop_oneof![Just(150i64), Just(50i64), Just(0i64), Just(600i64)].prop_flat_map(|lateness| {
        vec(happening(lateness), 1..60).prop_map(move |happenings| Shuffled {
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
        match happening.what {
            What::Hit => arrivals.push((arrives, hit)),
            What::HitTwice { half_gaps_later } => {
                arrivals.push((arrives, hit.clone()));
                arrivals.push((arrives + half_gaps_later * (GAP / 2), hit));
            }
            What::Tick => arrivals.push((arrives, Entry::Tick { offset: 0, append: 0, time: arrives })),
        }
    }
    arrivals.sort_by_key(|(arrives, _)| *arrives);
    let settings = Settings {
        gap: GAP,
        lateness,
        max_session: OUT_OF_REACH as i64,
        max_hits: OUT_OF_REACH,
        max_open_sessions: OUT_OF_REACH,
    };
    Log { settings, entries: ended(arrivals) }
}

/// One visitor's hits, more than a final session lists pages of, many at the same time and in no order, with now and
/// then a hole between them that a later hit closes.
pub fn long_sessions() -> impl Strategy<Value = Log> {
    let hit = (0..60i64, kind(), 0..1000u32);
    (vec(hit, 80..180), prop_oneof![Just(OUT_OF_REACH), 90..130usize]).prop_map(|(hits, max_hits)| {
        let settings = Settings {
            gap: GAP,
            lateness: 10_000,
            max_session: OUT_OF_REACH as i64,
            max_hits,
            max_open_sessions: OUT_OF_REACH,
        };
        let hits = hits.into_iter().enumerate().map(|(number, (time, kind, sort_key))| {
            let time = BASE + time * (GAP / 2);
            let hit = Entry::Hit {
                offset: 0,
                append: 0,
                event_time: time,
                site: site(0),
                visitor: Some(visitor(0)),
                hit_id: hit_id(number),
                kind,
            };
            (sort_key, hit)
        });
        let mut hits: Vec<(u32, Entry)> = hits.collect();
        hits.sort_by_key(|(sort_key, _)| *sort_key);
        let arrivals = hits.into_iter().map(|(_, hit)| (BASE + 10_000, hit)).collect();
        Log { settings, entries: ended(arrivals) }
    })
}

/// Gives records, each with its time of arrival, offsets and append times, and ends the log.
fn ended(arrivals: Vec<(i64, Entry)>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut newest = BASE;
    for (arrives, mut entry) in arrivals {
        newest = arrives;
        let place = entries.len() as i64;
        match &mut entry {
            Entry::Hit { offset, append, .. } | Entry::Tick { offset, append, .. } => {
                (*offset, *append) = (place, arrives);
            }
            Entry::Settings { .. } | Entry::Draining { .. } | Entry::End { .. } => {}
        }
        entries.push(entry);
    }
    entries.push(Entry::End { offset: entries.len() as i64, append: newest });
    entries
}
