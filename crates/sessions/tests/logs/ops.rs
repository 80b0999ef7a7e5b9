//! The operations that logs are made of, and how often each comes.

use proptest::prelude::*;
use proptest::sample::Index;

use super::OUT_OF_REACH;
use super::model::{Kind, Settings};
use super::says::{Says, says};

/// Who did it: numbers of a site and of a visitor, or of nobody.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    pub site: usize,
    pub visitor: Option<usize>,
}

/// What a time is counted from.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// The stream time, as the log stands.
    Stream,
    /// The horizon that follows from the stream time and the settings that hold.
    Horizon,
    /// The time of the hit so many hits ago.
    Recent(usize),
    /// The time of an earlier hit.
    Hit(Index),
}

/// A time: so many half gaps, so many latenesses and a few milliseconds away from something.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub from: From,
    pub half_gaps: i64,
    pub latenesses: i64,
    pub millis: i64,
}

/// One operation. `waits` is how long the bus takes, in milliseconds.
#[derive(Clone, Debug)]
pub enum Op {
    Hit {
        who: Who,
        when: When,
        kind: Kind,
        says: Says,
        waits: i64,
    },
    /// The same hit again, whose time says something else by `drift`.
    Copy {
        of: Index,
        says: Says,
        drift: i64,
        waits: i64,
    },
    /// A hit of somebody else under an id that is in use.
    SameId {
        of: Index,
        who: Who,
        says: Says,
    },
    /// A hit from a clock that is ahead by what is still believed, and `by` more.
    Ahead {
        who: Who,
        says: Says,
        by: i64,
    },
    /// A tick; an honest one carries a time that the bus has reached.
    Tick {
        when: When,
        is_honest: bool,
    },
    Settings(Settings),
    Draining,
}

fn who() -> impl Strategy<Value = Who> {
    let site = prop_oneof![9 => Just(0), 1 => Just(1usize)];
    let visitor =
        prop_oneof![16 => Just(Some(0)), 3 => Just(Some(1)), 1 => (2..4usize).prop_map(Some), 1 => Just(None)];
    (site, visitor).prop_map(|(site, visitor)| Who { site, visitor })
}

fn when() -> impl Strategy<Value = When> {
    let from = prop_oneof![
        4 => Just(From::Stream),
        2 => Just(From::Horizon),
        4 => (0..8usize).prop_map(From::Recent),
        1 => any::<Index>().prop_map(From::Hit),
    ];
    let half_gaps = prop_oneof![3 => 0..=2i64, 4 => -4..=4i64, 1 => -10..=10i64];
    let latenesses = prop_oneof![6 => Just(0), 2 => Just(-1i64), 1 => -3..=3i64];
    let millis = prop_oneof![6 => Just(0i64), 4 => -1..=1i64, 1 => -30..=30i64];
    (from, half_gaps, latenesses, millis).prop_map(|(from, half_gaps, latenesses, millis)| When {
        from,
        half_gaps,
        latenesses,
        millis,
    })
}

/// A kind of hit; page views mostly, some without a path, some with one that needs an escape in JSON.
pub fn kind() -> impl Strategy<Value = Kind> {
    let path = prop_oneof![
        6 => prop::sample::select(vec!["/", "/a", "/b", "/c\"ü"]).prop_map(|path| Some(path.to_owned())),
        1 => Just(None),
    ];
    prop_oneof![
        5 => path.prop_map(|path| Kind::PageView { path }),
        2 => Just(Kind::Custom),
        2 => (0..60_000u64).prop_map(|engaged_ms| Kind::Engagement { engaged_ms }),
        1 => Just(Kind::Request),
    ]
}

/// Settings around a gap of 100 ms, with maxima that are often tiny.
pub fn settings() -> impl Strategy<Value = Settings> {
    let gap = prop_oneof![5 => Just(100i64), 1 => Just(40), 1 => Just(250), 1 => Just(2)];
    let lateness = prop_oneof![3 => Just(50i64), 1 => Just(0), 2 => Just(100), 3 => Just(300), 2 => Just(600)];
    let max_session = prop_oneof![3 => Just(OUT_OF_REACH as i64), 1 => Just(150i64), 2 => Just(300), 1 => Just(60)];
    let max_hits = prop_oneof![3 => Just(OUT_OF_REACH), 3 => 3..=6usize];
    let max_open_sessions = prop_oneof![6 => Just(OUT_OF_REACH), 1 => 1..=6usize];
    (gap, lateness, max_session, max_hits, max_open_sessions).prop_map(
        |(gap, lateness, max_session, max_hits, max_open_sessions)| Settings {
            gap,
            lateness,
            max_session,
            max_hits,
            max_open_sessions,
        },
    )
}

fn waits() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(0i64), 1 => 1..100i64]
}

fn hit() -> impl Strategy<Value = Op> {
    (who(), when(), kind(), says(), waits()).prop_map(|(who, when, kind, says, waits)| Op::Hit {
        who,
        when,
        kind,
        says,
        waits,
    })
}

fn copy() -> impl Strategy<Value = Op> {
    (any::<Index>(), says(), waits()).prop_map(|(of, says, waits)| Op::Copy { of, says, drift: 0, waits })
}

fn same_id() -> impl Strategy<Value = Op> {
    (any::<Index>(), who(), says()).prop_map(|(of, who, says)| Op::SameId { of, who, says })
}

fn tick() -> impl Strategy<Value = Op> {
    (when(), prop::bool::weighted(0.8)).prop_map(|(when, is_honest)| Op::Tick { when, is_honest })
}

/// What never gives one hit two times: every copy is faithful, every clock is believed.
pub fn faithful_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        24 => hit(),
        6 => copy(),
        1 => same_id(),
        2 => tick(),
        2 => settings().prop_map(Op::Settings),
        1 => Just(Op::Draining),
    ]
}

/// Everything but a change of settings.
pub fn op_without_settings() -> impl Strategy<Value = Op> {
    let drifting =
        (any::<Index>(), says(), -300..=300i64).prop_map(|(of, says, drift)| Op::Copy { of, says, drift, waits: 0 });
    let by = prop_oneof![3 => Just(1i64), 1 => Just(0i64), 1 => -60_000..60_000i64];
    let ahead = (who(), says(), by).prop_map(|(who, says, by)| Op::Ahead { who, says, by });
    prop_oneof![
        120 => hit(),
        24 => copy(),
        4 => same_id(),
        8 => tick(),
        2 => drifting,
        1 => ahead,
        1 => Just(Op::Draining),
    ]
}

/// Everything.
pub fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        14 => op_without_settings(),
        1 => settings().prop_map(Op::Settings),
    ]
}

/// One visitor close to the stream time, again and again: sessions that grow together, or that the maxima keep apart.
pub fn entangled_op() -> impl Strategy<Value = Op> {
    let who = Who { site: 0, visitor: Some(0) };
    let half_gaps = prop_oneof![2 => Just(1i64), 5 => -8..=0i64];
    let millis = prop_oneof![3 => Just(0i64), 1 => -1..=1i64];
    let near = (half_gaps, millis).prop_map(|(half_gaps, millis)| When {
        from: From::Stream,
        half_gaps,
        latenesses: 0,
        millis,
    });
    let hit = (near, kind(), says()).prop_map(move |(when, kind, says)| Op::Hit { who, when, kind, says, waits: 0 });
    prop_oneof![
        30 => hit,
        3 => copy(),
        1 => tight_settings().prop_map(Op::Settings),
    ]
}

/// Settings under which sessions stay open for long and are full soon.
pub fn tight_settings() -> impl Strategy<Value = Settings> {
    let gap = prop_oneof![6 => Just(100i64), 1 => Just(50)];
    let lateness = prop_oneof![Just(100i64), Just(200), Just(300)];
    let max_session = prop_oneof![2 => Just(OUT_OF_REACH as i64), 1 => Just(150i64), 2 => Just(300)];
    let max_hits = prop_oneof![1 => Just(OUT_OF_REACH), 2 => 3..=6usize];
    (gap, lateness, max_session, max_hits).prop_map(|(gap, lateness, max_session, max_hits)| Settings {
        gap,
        lateness,
        max_session,
        max_hits,
        max_open_sessions: OUT_OF_REACH,
    })
}
