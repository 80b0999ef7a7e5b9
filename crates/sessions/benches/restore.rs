//! What it takes to make an engine of its state again: sessions of fifty page views each, which were saved four times.

use std::time::Instant;

use events::{Hit, Kind, Offset, Timestamp, Topic, Uuid, WindowSettings};
use sessions::{Engine, Input, Outputs, Restore};
use tikv_jemallocator::Jemalloc;

/// As in the binaries.
#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

const UPDATES: usize = 50;
const CHECKPOINTS: usize = 4;
/// 2026-11-02T00:00:00Z.
const START: i64 = 1_793_577_600_000;

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn main() {
    let sessions = std::env::var("LONG_SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(250_000);
    let state = state(sessions);
    let records = || state.iter().flat_map(Outputs::iter).filter(|record| record.topic == Topic::SessionsOpen);
    let count = records().count();
    // Once: the second time memory would be there already.
    let started = Instant::now();
    let mut restore = Restore::default();
    restore.records(records().filter_map(|record| Some((record.key?, record.value))));
    let gathered = started.elapsed();
    let restored = restore.finish(0, 1).expect("the engine wrote it").expect("something was saved");
    let (all, open) = (started.elapsed(), restored.engine.open_sessions());
    println!(
        "{open} sessions of {UPDATES} pages in {count} records: {:.2} us a session, of which gathering {:.2}",
        all.as_secs_f64() * 1e6 / open as f64,
        gathered.as_secs_f64() * 1e6 / open as f64
    );
}

/// What the engine saved, checkpoint by checkpoint.
fn state(sessions: usize) -> Vec<Outputs> {
    let mut engine = Engine::new(0, WindowSettings { max_open_sessions: u64::MAX, ..WindowSettings::default() });
    let (mut offset, mut saved) = (0, Vec::new());
    let mut random = 1_u64;
    let mut next = || {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        random ^ random >> 32
    };
    for wave in 0..UPDATES {
        let mut out = Outputs::default();
        for session in 0..sessions {
            let visitor = format!("v{:012x}", (session as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16);
            let page = next() % 1500;
            let (url, title) = (format!("https://shop.example/products/{page}"), format!("Page {page}"));
            let time = Timestamp::from_millis(START + (wave * 16_000) as i64);
            let hit = Hit {
                hit_id: Uuid::from_u128((u128::from(next()) << 64) | u128::from(next())),
                site: "shop.example".into(),
                visitor_id: Some(visitor.as_str().into()),
                user_id: None,
                kind: Kind::PageView,
                event_time: time,
                url: Some(url.as_str().into()),
                title: Some(title.as_str().into()),
                referrer: Some("https://www.google.com/".into()),
                language: Some("en-GB".into()),
                screen: Some("1920x1080".into()),
                user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0".into()),
                country: None,
                region: None,
                is_plain: true,
            };
            let input = Input { offset: Offset(offset), append_time: time, value: Some(b"{}") };
            engine.apply_hits(&[(hit, input)], &mut out);
            out.clear();
            offset += 1;
        }
        if wave == 0 {
            // What a session has from its first hit stands. Of the others nobody reads what is derived.
            engine.write_bare(|_, _| ());
        }
        if (wave + 1) * CHECKPOINTS / UPDATES > wave * CHECKPOINTS / UPDATES {
            engine.write_checkpoint(&mut out);
            engine.write_position(1, &mut out);
            saved.push(out);
        }
    }
    saved
}
