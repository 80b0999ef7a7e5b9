//! The session job that other stream engines are measured by: page views in, sessions of time, count and pages out.
//!
//! Everything else is the sessionizer as it is: groups, transactions, ticks, state and checkpoints. It reads
//! `RIG_IN` and writes `RIG_OUT` on the brokers `RIG_BOOTSTRAP`; its other topics begin with `RIG_RUN`. A record is
//! `{"key","start","end","hit_count","entry_page","exit_page","pages":[{"t","p"}…]}`: times in milliseconds since
//! 1970, at most the earliest 50 pages, ties in the order of their paths.

use std::sync::Arc;

use anyhow::{Context, Result};
use bus::SharedBus;
use bus::kafka::{KafkaBus, Limits, Options, Stamps};
use events::{Span, Topic, WindowSettings};
use service::{Health, Shutdown};
use sessionizer::Config;
use sessions::BareSession;
use tikv_jemallocator::Jemalloc;

/// As in the binaries.
#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

/// The most pages of a record.
const MAX_PAGES: usize = 50;

fn main() -> Result<()> {
    let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let run = variable("RIG_RUN")?;
    let named = vec![(Topic::Hits, variable("RIG_IN")?), (Topic::Sessions, variable("RIG_OUT")?)];
    let options = Options {
        named,
        retention: None,
        stamps: Stamps::Record,
        // What topics take that nobody has set up for us.
        limits: Limits { record: 900 << 10, ..Limits::default() },
        ..Options::at(vec![variable("RIG_BOOTSTRAP")?], format!("{run}-"))
    };
    let bus: SharedBus = Arc::new(KafkaBus::open(options)?);
    let config = Config {
        settings: WindowSettings { max_hits: u32::MAX, ..WindowSettings::default() },
        // The input stays as it is.
        idle_interval: Span::from_hours(24),
        bare: Some(write),
        ..Config::default()
    };
    let shutdown = Shutdown::new();
    sessionizer::run(&config, &bus, &shutdown, &Health::default())?;
    Ok(())
}

fn write(session: &BareSession<'_>, out: &mut Vec<u8>) {
    let mut pages: Vec<_> = session.pages().collect();
    pages.sort_unstable();
    out.extend_from_slice(b"{\"key\":");
    events::text::write_json_str(out, session.key());
    number(out, b",\"start\":", session.start().as_millis());
    number(out, b",\"end\":", session.end().as_millis());
    number(out, b",\"hit_count\":", session.hit_count() as i64);
    let entry = pages.first().map(|(_, path)| *path);
    let exit = session.unlisted_exit().or(pages.last().map(|(_, path)| *path));
    for (name, path) in [(&b",\"entry_page\":"[..], entry), (&b",\"exit_page\":"[..], exit)] {
        out.extend_from_slice(name);
        events::text::write_json_str(out, path.unwrap_or_default());
    }
    out.extend_from_slice(b",\"pages\":[");
    for (index, (time, path)) in pages.iter().take(MAX_PAGES).enumerate() {
        number(out, if index == 0 { b"{\"t\":" } else { b",{\"t\":" }, time.as_millis());
        out.extend_from_slice(b",\"p\":");
        events::text::write_json_str(out, path);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}

fn number(out: &mut Vec<u8>, name: &[u8], value: i64) {
    out.extend_from_slice(name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}
