//! From operations to records.

use std::collections::BTreeMap;

use proptest::sample::Index;

use super::model::{Entry, Kind, Settings};
use super::ops::{From, Op, When, Who};
use super::{BASE, Log, Says};

/// Names whose keys (`site/visitor`) order otherwise than site and visitor by themselves do.
const SITES: [&str; 2] = ["shop", "shop.eu"];
const VISITORS: [&str; 4] = ["v", "u", "v-2", "V"];

/// The id of the n-th hit: a UUID whose order says nothing about the order of arrival.
pub fn hit_id(n: usize) -> String {
    let scrambled = (n as u32).wrapping_mul(0x9e37_79b9).reverse_bits();
    format!("{scrambled:08x}-0000-4000-8000-{n:012x}")
}

/// The name of a site.
pub fn site(number: usize) -> String {
    SITES[number % SITES.len()].to_owned()
}

/// The name of a visitor.
pub fn visitor(number: usize) -> String {
    VISITORS[number % VISITORS.len()].to_owned()
}

/// Folds operations into a log.
pub fn fold(settings: Settings, ops: &[Op], ends: bool) -> Log {
    let mut folding =
        Folding { settings, now: BASE, stream: BASE, hits: Vec::new(), entries: Vec::new(), says: BTreeMap::new() };
    for op in ops {
        folding.apply(op);
    }
    if ends {
        let offset = folding.next_offset();
        folding.entries.push(Entry::End { offset, append: folding.now });
    }
    Log { settings, entries: folding.entries, says: folding.says }
}

/// A hit without its place in the log.
#[derive(Clone)]
struct Bare {
    event_time: i64,
    site: String,
    visitor: Option<String>,
    hit_id: String,
    kind: Kind,
    says: Says,
}

struct Folding {
    settings: Settings,
    /// The append time of the newest record.
    now: i64,
    /// The highest event time, only to aim at; judging is the model's business.
    stream: i64,
    hits: Vec<Bare>,
    entries: Vec<Entry>,
    says: BTreeMap<i64, Says>,
}

impl Folding {
    fn apply(&mut self, op: &Op) {
        match op {
            Op::Hit { who, when, kind, says, waits } => {
                let event_time = self.time(when);
                let hit = self.hit_of(*who, event_time, kind.clone(), says);
                self.now = self.now.max(event_time) + waits;
                self.append_hit(hit);
            }
            Op::Copy { of, says, drift, waits } => {
                if let Some(mut hit) = self.pick(of) {
                    hit.event_time += drift;
                    hit.says = says.clone();
                    self.now += waits;
                    self.append_hit(hit);
                }
            }
            Op::SameId { of, who, says } => {
                if let Some(taken) = self.pick(of) {
                    let hit = self.hit_of(*who, taken.event_time, taken.kind, says);
                    self.append_hit(Bare { hit_id: taken.hit_id, ..hit });
                }
            }
            Op::Ahead { who, says, by } => {
                let hit = self.hit_of(*who, self.now + 60_000 + by, Kind::Custom, says);
                self.append_hit(hit);
            }
            Op::Tick { when, is_honest } => {
                let time = self.time(when);
                if *is_honest {
                    self.now = self.now.max(time);
                }
                self.stream = self.stream.max(time.min(self.now));
                let offset = self.next_offset();
                self.entries.push(Entry::Tick { offset, append: self.now, time });
            }
            Op::Settings(settings) => {
                self.settings = *settings;
                let Settings { gap, lateness, max_session, max_hits, max_open_sessions } = *settings;
                let (offset, append) = (self.next_offset(), self.now);
                self.entries.push(Entry::Settings {
                    offset,
                    append,
                    gap,
                    lateness,
                    max_session,
                    max_hits,
                    max_open_sessions,
                });
            }
            Op::Draining => {
                let offset = self.next_offset();
                self.entries.push(Entry::Draining { offset, append: self.now });
            }
        }
    }

    fn time(&self, when: &When) -> i64 {
        let from = match &when.from {
            From::Stream => self.stream,
            From::Horizon => self.stream - self.settings.lateness - self.settings.gap,
            From::Recent(back) => self.hits.iter().rev().nth(*back).map_or(self.stream, |hit| hit.event_time),
            From::Hit(index) => self.pick(index).map_or(self.stream, |hit| hit.event_time),
        };
        from + when.half_gaps * (self.settings.gap / 2) + when.latenesses * self.settings.lateness + when.millis
    }

    fn hit_of(&self, who: Who, event_time: i64, kind: Kind, says: &Says) -> Bare {
        Bare {
            event_time,
            site: site(who.site),
            visitor: who.visitor.map(visitor),
            hit_id: hit_id(self.hits.len()),
            kind,
            says: says.clone(),
        }
    }

    fn pick(&self, index: &Index) -> Option<Bare> {
        (!self.hits.is_empty()).then(|| index.get(&self.hits).clone())
    }

    fn append_hit(&mut self, hit: Bare) {
        let offset = self.next_offset();
        let time = if hit.event_time > self.now + 60_000 { self.now } else { hit.event_time };
        self.stream = self.stream.max(time);
        self.hits.push(hit.clone());
        let Bare { event_time, site, visitor, hit_id, kind, says } = hit;
        self.says.insert(offset, says);
        self.entries.push(Entry::Hit { offset, append: self.now, event_time, site, visitor, hit_id, kind });
    }

    /// Every seventh offset is missing, as where a transaction's marker stands.
    fn next_offset(&self) -> i64 {
        let n = self.entries.len() as i64;
        n + n / 6
    }
}
