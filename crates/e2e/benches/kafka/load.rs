//! Hits, put on the log as the collector puts them there.

use std::collections::VecDeque;

use bus::{BusError, Outgoing, SharedBus};
use events::{Hit, NewHit, Timestamp, Topic, Uuid, ids};
use futures::executor::block_on;
use futures::future::BoxFuture;

use crate::traffic::{self, Agents, Random};

/// Records of one publish, and publishes that are under way at once: below what may wait in the bus.
const CHUNK: usize = 2000;
const UNDER_WAY: usize = 8;

/// Publishes everything, and returns how many records and bytes of values that was.
fn publish(bus: &SharedBus, mut records: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> (u64, u64) {
    let (mut count, mut bytes) = (0, 0);
    let mut under_way: VecDeque<BoxFuture<'static, Result<(), BusError>>> = VecDeque::new();
    loop {
        let chunk: Vec<Outgoing> = records
            .by_ref()
            .take(CHUNK)
            .map(|(key, value)| {
                (count, bytes) = (count + 1, bytes + value.len() as u64);
                let (key, value) = (Some(key.into()), value.into());
                Outgoing { topic: Topic::Hits, partition: None, key, value, append_time: None }
            })
            .collect();
        if chunk.is_empty() || under_way.len() == UNDER_WAY {
            match under_way.pop_front() {
                Some(first) => block_on(first).unwrap(),
                None => return (count, bytes),
            }
        }
        if !chunk.is_empty() {
            under_way.push_back(bus.publish(chunk));
        }
    }
}

/// The engine's traffic: 3.4 hits a session, 40,000 sessions open at once, user agents of a real server's log.
pub(crate) fn visits(bus: &SharedBus, hits: usize) -> (u64, u64) {
    let records = traffic::log(hits, Agents::Real).into_iter().map(|record| {
        let hit = Hit::parse(&record.value).unwrap();
        let key = ids::visitor_key(&hit.site, &hit.visitor_id.unwrap());
        (key, record.value)
    });
    publish(bus, records)
}

/// Visitors who come again and again, all of them before anybody comes once more. Their sessions stay open: all of it
/// was within the quarter of an hour before `now`.
pub(crate) fn open_sessions(bus: &SharedBus, visitors: usize, updates: usize, now: Timestamp) -> (u64, u64) {
    const SPAN_MS: usize = 14 * 60_000;
    let agents = traffic::real_agents();
    let mut random = Random(2);
    let all = visitors * updates;
    let records = (0..all).map(|n| {
        let time = Timestamp::from_millis(now.as_millis() - 15 * 60_000 + (n * SPAN_MS / all) as i64);
        let id = Uuid::from_u128((u128::from(random.next()) << 64) | u128::from(random.next()));
        let visitor = format!("v{:012x}", ((n % visitors) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16);
        let number = random.below(1500);
        let url = format!("https://shop.example/products/{number}");
        let title = format!("Page {number}");
        let mut hit = NewHit::new(id, "shop.example", "pageview", time, time);
        hit.visitor_id = Some(&visitor);
        (hit.client_time, hit.sent_at) = (Some(time), Some(time));
        hit.url = Some(&url);
        hit.title = Some(&title);
        hit.referrer = Some("https://www.google.com/");
        hit.language = Some("en-GB");
        hit.timezone = Some("Europe/Berlin");
        hit.screen = Some("1920x1080");
        hit.user_agent = Some(agents[n % visitors % agents.len()]);
        hit.ip = Some("10.1.2.3");
        (hit.key(), hit.to_json())
    });
    publish(bus, records)
}
