//! A short log in which everything happens that has a record of its own.

use events::{NewHit, Offset, Span, Timestamp, Uuid, WindowSettings};
use serde_json::value::RawValue;
use sessions::{Engine, Input, Outputs};

/// 2026-11-02T00:00:00Z.
const START: i64 = 1_793_577_600_000;

/// A record of `hits`.
pub(crate) struct Record {
    offset: i64,
    append: i64,
    value: Vec<u8>,
}

/// Applies records to an engine.
pub(crate) fn apply(engine: &mut Engine, log: &[Record], out: &mut Outputs) {
    for record in log {
        let append_time = Timestamp::from_millis(record.append);
        engine.apply(Input { offset: Offset(record.offset), append_time, value: Some(&record.value) }, out);
    }
}

/// An engine with windows that a short log can fill and leave.
pub(crate) fn engine() -> Engine {
    let gap = Span::from_mins(30);
    Engine::new(2, WindowSettings { gap, lateness: Span::from_mins(10), ..WindowSettings::default() })
}

/// Up to the checkpoint: a long session, one with everything that a session can have, one that is final, a hit
/// without identity, and two late ones.
pub(crate) fn before() -> Vec<Record> {
    let mut log = Builder::default();
    log.hit(-3000, "u", |hit| hit.url = Some("https://shop.example/"));
    log.hit(-2990, "u", |hit| hit.kind = "signup");
    let own = RawValue::from_string(r#"{"engaged_ms":1500}"#.to_owned()).expect("it is JSON");
    log.hit(-2900, "u", |hit| {
        hit.kind = "engagement";
        hit.props = Some(&own);
    });
    log.hit(0, "v\"1", |hit| {
        hit.user_id = Some("käthe");
        hit.url = Some("https://shop.example/a/b?utm_source=News%22letter&utm_medium=email&utm_campaign=spring+sale&utm_term=x&utm_content=y");
        hit.title = Some("An \"A\"\n");
        hit.referrer = Some("https://www.google.com/");
        hit.language = Some("en-US");
        hit.screen = Some("1920x1080");
        hit.country = Some("DE");
        hit.region = Some("DE-BE");
        hit.user_agent = Some("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0");
    });
    for page in 0..35 {
        let url = format!("https://shop.example/products/{page}");
        log.hit(1 + page, "w", |hit| {
            hit.url = Some(&url);
            hit.title = Some("Shoes");
            hit.user_agent = Some("Googlebot/2.1");
        });
    }
    log.hit(20, "v\"1", |hit| hit.url = Some("/c"));
    log.hit(10, "v\"1", |hit| hit.url = Some("/b"));
    log.anonymous(30);
    log.hit(-2950, "u", |hit| hit.url = Some("/late"));
    log.hit(-9000, "x", |hit| hit.url = Some("/older"));
    log.records
}

/// Behind the checkpoint: copies of what the state must know, more hits, and the end.
pub(crate) fn after() -> Vec<Record> {
    let mut log = Builder { records: Vec::new(), next: 60 };
    let first = before();
    for number in [3, 4, 30, 41, 42, 43] {
        let Record { append, value, .. } = &first[number];
        log.push(*append, value.clone());
    }
    log.hit(100, "v\"1", |hit| hit.url = Some("/d"));
    log.hit(110, "w", |hit| hit.url = Some("/e"));
    log.hit(120, "u", |hit| hit.url = Some("/f"));
    log.push(START + 200_000, br#"{"control":"end"}"#.to_vec());
    log.records
}

#[derive(Default)]
struct Builder {
    records: Vec<Record>,
    next: i64,
}

impl Builder {
    fn push(&mut self, append: i64, value: Vec<u8>) {
        self.records.push(Record { offset: self.next, append, value });
        self.next += 1;
    }

    fn hit<'a>(&mut self, second: i64, visitor: &'a str, fill: impl FnOnce(&mut NewHit<'a>)) {
        self.any(second, Some(visitor), fill);
    }

    fn anonymous(&mut self, second: i64) {
        self.any(second, None, |_| ());
    }

    fn any<'a>(&mut self, second: i64, visitor: Option<&'a str>, fill: impl FnOnce(&mut NewHit<'a>)) {
        let time = Timestamp::from_millis(START + second * 1000);
        let id = Uuid::from_u128(0x0190_a3f2_0000_7000_8000_0000_0000_0000 + self.next as u128);
        let mut hit = NewHit::new(id, "shop.example", "pageview", time, time);
        hit.visitor_id = visitor;
        fill(&mut hit);
        self.push(START + second.max(0) * 1000 + 40, hit.to_json());
    }
}
