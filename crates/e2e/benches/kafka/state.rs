//! The state of many long sessions, written by the engine itself: fifty million hits through the log would take an hour and
//! more disk than there is.
//!
//! The records are those that a sessionizer writes: the same engine takes the same hits, already parsed, and what its
//! checkpoints hold goes to `sessions.open` as it is. Two things are not as they would be: nothing stands in `hits`, so that the
//! position says 0, and the state is not written in transactions.

use std::collections::VecDeque;

use bus::partitioner::partition_of;
use bus::{Outgoing, SharedBus};
use bytes::Bytes;
use events::{Hit, Kind, Offset, Timestamp, Topic, Uuid, WindowSettings, ids};
use futures::executor::block_on;
use serde_json::Value;
use sessions::{Engine, Input, Outputs};

use crate::traffic::{self, Random};

/// Hits that go through the engine at once.
const RUN: usize = 1024;

/// Records of one publish, and publishes that are under way at once: below what may wait in the bus.
const CHUNK: usize = 2000;
const UNDER_WAY: usize = 6;

/// Who comes, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visits {
    /// Visitors, each with one open session.
    pub(crate) sessions: usize,
    /// Hits of each: everybody comes once before anybody comes once more.
    pub(crate) updates: usize,
    /// Checkpoints on the way.
    pub(crate) checkpoints: usize,
    /// All of it was within the quarter of an hour before.
    pub(crate) now: Timestamp,
}

/// Writes the state, and returns how many records and bytes of keys and values that was.
pub(crate) fn write(bus: &SharedBus, visits: Visits) -> (u64, u64) {
    let (mut records, mut bytes) = (0, 0);
    for partition in 0..bus.partitions() {
        let mut engine = Engine::new(partition, WindowSettings::default());
        let (mut out, mut offset) = (Outputs::default(), 0);
        let visitors: Vec<_> = (0..visits.sessions).map(name).collect();
        let is_here = |visitor: &&String| partition_of(&ids::visitor_key(SITE, visitor), bus.partitions()) == partition;
        let visitors: Vec<_> = visitors.iter().filter(is_here).map(String::as_str).collect();
        for wave in 0..visits.updates {
            for (at, visitors) in visitors.chunks(RUN).enumerate() {
                apply(&mut engine, visits, wave, at * RUN, visitors, &mut offset, &mut out);
            }
            if wave == 0 {
                // What a session has from its first hit stands. Of the others nobody reads what is derived.
                engine.write_bare(|_, _| ());
            }
            let is_due = |wave: usize| wave * visits.checkpoints / visits.updates;
            if is_due(wave + 1) > is_due(wave) {
                engine.write_checkpoint(&mut out);
                let written = publish(bus, partition, &out);
                (records, bytes) = (records + written.0, bytes + written.1);
                out = Outputs::default();
            }
        }
        engine.write_position(bus.partitions(), &mut out);
        publish(bus, partition, &out);
    }
    (records, bytes)
}

const SITE: &str = "shop.example";

fn name(number: usize) -> String {
    format!("v{:012x}", (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16)
}

fn apply(
    engine: &mut Engine,
    visits: Visits,
    wave: usize,
    first: usize,
    visitors: &[&str],
    offset: &mut i64,
    out: &mut Outputs,
) {
    const SPAN_MS: usize = 14 * 60_000;
    let agents = traffic::real_agents();
    let mut random = Random((wave as u64) << 32 | first as u64);
    let pages: Vec<_> = visitors.iter().map(|_| random.below(1500)).collect();
    let texts: Vec<_> =
        pages.iter().map(|page| (format!("https://shop.example/products/{page}"), format!("Page {page}"))).collect();
    let mut hits = Vec::with_capacity(visitors.len());
    for (at, (visitor, (url, title))) in visitors.iter().zip(&texts).enumerate() {
        let millis = (wave * SPAN_MS + (first + at) * SPAN_MS / visits.sessions) / visits.updates;
        let time = Timestamp::from_millis(visits.now.as_millis() - 15 * 60_000 + millis as i64);
        let hit = Hit {
            hit_id: Uuid::from_u128((u128::from(random.next()) << 64) | u128::from(random.next())),
            site: SITE.into(),
            visitor_id: Some((*visitor).into()),
            user_id: None,
            kind: Kind::PageView,
            event_time: time,
            url: Some(url.as_str().into()),
            title: Some(title.as_str().into()),
            referrer: Some("https://www.google.com/".into()),
            language: Some("en-GB".into()),
            screen: Some("1920x1080".into()),
            user_agent: Some(agents[(first + at) % agents.len()].into()),
            country: None,
            region: None,
            is_plain: true,
        };
        hits.push((hit, Input { offset: Offset(*offset), append_time: time, value: Some(b"{}") }));
        *offset += 1;
    }
    engine.apply_hits(&hits, out);
    if !out.is_empty() {
        // Enriched hits go elsewhere.
        out.clear();
    }
}

fn publish(bus: &SharedBus, partition: u32, out: &Outputs) -> (u64, u64) {
    let (mut records, mut bytes) = (0, 0);
    let mut under_way = VecDeque::new();
    let all: Vec<_> = out.iter().filter(|record| record.topic == Topic::SessionsOpen).collect();
    for chunk in all.chunks(CHUNK) {
        let outgoing = chunk.iter().map(|record| {
            let (key, value) = (record.key.unwrap(), record.value.unwrap());
            (records, bytes) = (records + 1, bytes + (key.len() + value.len()) as u64);
            let value =
                if key == sessions::PARTITION_KEY { at_the_start(value) } else { Bytes::copy_from_slice(value) };
            let key = Some(Bytes::copy_from_slice(key));
            Outgoing { topic: Topic::SessionsOpen, partition: Some(partition), key, value, append_time: None }
        });
        under_way.push_back(bus.publish(outgoing.collect()));
        if under_way.len() == UNDER_WAY {
            block_on(under_way.pop_front().unwrap()).unwrap();
        }
    }
    under_way.into_iter().for_each(|publish| block_on(publish).unwrap());
    (records, bytes)
}

/// The position of a log without records.
fn at_the_start(position: &[u8]) -> Bytes {
    let mut state: Value = serde_json::from_slice(position).unwrap();
    (state["position"], state["checkpoint"]["position"]) = (0.into(), 0.into());
    serde_json::to_vec(&state).unwrap().into()
}
