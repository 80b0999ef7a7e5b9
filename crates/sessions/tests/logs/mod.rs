//! Logs for property tests: hostile ones for the engine, orderly ones for the laws that need peace.
//!
//! A log is made from a list of small operations ("a hit half a gap before the stream time", "a copy of that one"), folded
//! into records. So it shrinks to few operations with small numbers, and times stay near the boundaries that matter:
//! the gap, the lateness, and one millisecond to either side.
//!
//! Needs the model as a sibling module: `mod model; mod logs;`.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "several test programs include this, none uses all of it"
)]

mod fold;
mod ops;
mod orderly;
mod says;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::model;
use model::{Entry, Settings};

pub use orderly::{Shuffled, long_sessions, orderly, shuffled, shuffled_without_ties};
pub use says::Says;

/// Where time starts in generated logs: 2026-01-01T00:00:00Z, in milliseconds.
pub const BASE: i64 = 1_767_225_600_000;

/// A limit that no generated log reaches.
pub const OUT_OF_REACH: usize = 1_000_000;

/// One partition's log and the settings that hold at its start.
#[derive(Clone, Debug)]
pub struct Log {
    /// What holds until a settings record says otherwise.
    pub settings: Settings,
    /// The records; offsets rise, with holes, and append times never fall.
    pub entries: Vec<Entry>,
    /// What the hits at these offsets say of their visitors and pages.
    pub says: BTreeMap<i64, Says>,
}

/// Everything at once: disorder within and beyond the lateness, copies (which may say something else), ties, clocks that are wrong, ticks, tiny maxima,
/// settings that change on the way, with or without an end.
pub fn adversarial() -> impl Strategy<Value = Log> {
    (ops::settings(), vec(ops::any_op(), 1..80), any::<bool>())
        .prop_map(|(settings, ops, ends)| fold::fold(settings, &ops, ends))
}

/// One visitor's sessions, entangled: merges, refusals, floors and stubs near open sessions come often here. Every
/// copy carries its first one's time, and the log ends.
pub fn entangled() -> impl Strategy<Value = Log> {
    (ops::tight_settings(), vec(ops::entangled_op(), 1..60))
        .prop_map(|(settings, ops)| fold::fold(settings, &ops, true))
}

/// As [`adversarial`], but the settings hold from start to end, and the log ends.
pub fn steady() -> impl Strategy<Value = Log> {
    (ops::settings(), vec(ops::op_without_settings(), 1..80))
        .prop_map(|(settings, ops)| fold::fold(settings, &ops, true))
}

/// As [`adversarial`] with an end, and with copies that all carry their first one's time.
pub fn faithful_copies() -> impl Strategy<Value = Log> {
    (ops::settings(), vec(ops::faithful_op(), 1..80)).prop_map(|(settings, ops)| fold::fold(settings, &ops, true))
}
