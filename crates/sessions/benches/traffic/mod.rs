//! Traffic for the benchmarks: seeded, in log order, about 3.4 hits a session and a steady number of open ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use events::{NewHit, Offset, Timestamp, Uuid};
use sessions::Input;

/// 2026-11-02T00:00:00Z.
const START: i64 = 1_793_577_600_000;
/// Sessions that begin in a second of event time; with the default windows about 40,000 are open at once.
const SESSIONS_A_SECOND: i64 = 15;

const SITES: [&str; 3] = ["shop.example", "news.example", "docs.example"];
const SECTIONS: [&str; 5] = ["products", "articles", "guide", "help", "tags"];
const REFERRERS: [&str; 5] =
    ["", "", "https://www.google.com/", "https://t.co/x1", "https://news.ycombinator.com/item?id=4"];
const LANGUAGES: [&str; 4] = ["en-US", "en-GB", "de-DE", "ja-JP"];
const SCREENS: [&str; 4] = ["1920x1080", "1366x768", "390x844", "2560x1440"];

/// Which user agents the hits carry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Agents {
    /// Those of a real server's log.
    Real,
    /// Another one in every hit.
    AllDifferent,
}

/// One record of `hits`.
pub(crate) struct Record {
    offset: i64,
    append: i64,
    pub(crate) value: Vec<u8>,
}

impl Record {
    pub(crate) fn input(&self) -> Input<'_> {
        let append_time = Timestamp::from_millis(self.append);
        Input { offset: Offset(self.offset), append_time, value: Some(&self.value) }
    }
}

/// Every user agent of a real server log (Elastic's public example access log).
pub(crate) fn real_agents() -> Vec<&'static str> {
    include_str!("user_agents.txt").lines().filter(|line| !line.is_empty()).collect()
}

/// SplitMix64: small, seeded, the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A log of so many hits.
pub(crate) fn log(hits: usize, agents: Agents) -> Vec<Record> {
    let real = real_agents();
    let mut random = Random(1);
    let mut waiting: BinaryHeap<Reverse<(i64, u64, u64)>> = BinaryHeap::new();
    let mut records = Vec::with_capacity(hits);
    let (mut session, mut time) = (0u64, 0i64);
    while records.len() < hits {
        while waiting.peek().is_none_or(|Reverse((first, _, _))| *first > time) {
            let pages = if random.below(3) == 0 { 1 } else { 2 + random.below(6) };
            let mut at = time;
            for page in 0..pages {
                waiting.push(Reverse((at, session, page)));
                at += 1000 + (random.below(120_000)) as i64;
            }
            session += 1;
            time += 1000 / SESSIONS_A_SECOND;
        }
        let Some(Reverse((at, session, page))) = waiting.pop() else { continue };
        let number = records.len();
        let agent = match agents {
            Agents::Real => real[session as usize % real.len()].to_owned(),
            Agents::AllDifferent => format!("{} ({number})", real[session as usize % real.len()]),
        };
        records.push(record(number as i64, START + at, session, page, &agent, &mut random));
    }
    records
}

fn record(offset: i64, at: i64, session: u64, page: u64, agent: &str, random: &mut Random) -> Record {
    let site = SITES[session as usize % SITES.len()];
    let visitor = format!("v{:012x}", session.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16);
    let number = random.below(1500);
    let url = format!(
        "https://{site}/{}/{number}{}",
        SECTIONS[number as usize % 5],
        if number % 17 == 3 { "?utm_source=mail" } else { "" }
    );
    let title = format!("Page {number}");
    let own = format!("https://{site}/");
    let time = Timestamp::from_millis(at);
    let id = Uuid::from_u128((u128::from(random.next()) << 64) | u128::from(random.next()));
    let mut hit = NewHit::new(id, site, "pageview", time, time);
    hit.visitor_id = Some(&visitor);
    hit.client_time = Some(time);
    hit.sent_at = Some(time);
    hit.url = Some(&url);
    hit.title = Some(&title);
    hit.referrer = Some(if page == 0 { REFERRERS[session as usize % 5] } else { &own });
    hit.language = Some(LANGUAGES[session as usize % 4]);
    hit.timezone = Some("Europe/Berlin");
    hit.screen = Some(SCREENS[session as usize / 4 % 4]);
    hit.user_agent = Some(agent);
    hit.ip = Some("10.1.2.3");
    Record { offset, append: at + 40, value: hit.to_json() }
}
