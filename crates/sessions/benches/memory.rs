//! Bytes of memory per open session, three pages each: resident memory before and after a million of them.

use events::{NewHit, Offset, Timestamp, Uuid, WindowSettings};
use sessions::{Engine, Input, Outputs};
use tikv_jemallocator::Jemalloc;

/// As in the binaries.
#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

const SESSIONS: u64 = 1_000_000;
const PAGES: u64 = 3;

#[expect(clippy::print_stdout, reason = "the figure is what it is run for")]
fn main() {
    let mut engine = Engine::new(0, WindowSettings { max_open_sessions: u64::MAX, ..WindowSettings::default() });
    let mut out = Outputs::default();
    // The user agents' rules and a first buffer are there whatever the number of sessions.
    open(&mut engine, &mut out, u64::MAX);
    let before = resident_bytes();
    (0..SESSIONS).for_each(|session| open(&mut engine, &mut out, session));
    assert_eq!(engine.open_sessions() as u64, SESSIONS + 1);
    let each = (resident_bytes() - before) / SESSIONS;
    println!("{each} bytes of resident memory per open session with {PAGES} pages ({SESSIONS} sessions)");
}

fn open(engine: &mut Engine, out: &mut Outputs, session: u64) {
    let visitor = format!("v{:012x}", session.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16);
    for page in 0..PAGES {
        let number = session.wrapping_add(page) % 1500;
        let (url, title) = (format!("https://shop.example/products/{number}"), format!("Product {number}"));
        let time = Timestamp::from_millis(1_793_577_600_000 + (page * 30_000 + session % 60_000) as i64);
        let id = Uuid::from_u128((u128::from(session) << 8) | u128::from(page + 1));
        let mut hit = NewHit::new(id, "shop.example", "pageview", time, time);
        hit.visitor_id = Some(&visitor);
        hit.url = Some(&url);
        hit.title = Some(&title);
        hit.referrer = Some("https://www.google.com/");
        hit.language = Some("en-US");
        hit.screen = Some("1920x1080");
        hit.user_agent =
            Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36");
        let value = hit.to_json();
        let offset = Offset((session.wrapping_mul(PAGES) + page) as i64 & i64::MAX);
        engine.apply(Input { offset, append_time: time, value: Some(&value) }, out);
        out.clear();
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells a process its memory");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second field is the resident pages") * 4096
}
