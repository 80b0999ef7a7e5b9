//! Everything at once that a bad client can think of, against the real collector: each gets its answer, a good client
//! hardly notices, and memory stays within what the settings say (P6, P7).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use events::Topic;
use serde_json::{Value, json};
use support::collector::Collector;
use support::hostile::{HEAD, chunked, connect, drip, exchange, last_answer, never_read, post};
use support::process::PATIENCE;
use support::reference;

const MIB: u64 = 1 << 20;
const MAX_BODY: usize = 4 << 20;
const IN_FLIGHT: u64 = 12 * MIB;
const CONNECTIONS: u64 = 400;

/// Shows that the bound on memory is one: with this variable set, the collector breaks it.
fn is_unbounded() -> bool {
    std::env::var_os("TRIBUTARY_ABUSE_UNBOUNDED").is_some()
}

fn flags() -> Vec<&'static str> {
    let in_flight = if is_unbounded() { "8GiB" } else { "12MiB" };
    vec!["--max-body", "4MiB", "--max-in-flight", in_flight, "--max-connections", "400", "--read-timeout", "3s"]
}

/// What the process may grow by, from its settings.
fn bound() -> u64 {
    // A body that comes in pieces stands in a buffer that doubles as it grows.
    let bodies = 2 * IN_FLIGHT;
    // Each connection reads into 64 KiB at most, and holds one answer: a thousand refusals of some 150 bytes.
    let connections = CONNECTIONS * (64 + 150) * 1024;
    // The bus's own bounds: what waits, the transaction that is written, the newest records, and SQLite's pages.
    let bus = (64 + 16 + 32 + 8) * MIB;
    let granted = bodies + connections + bus;
    // What the allocator keeps of it in pieces.
    granted + granted / 4
}

#[test]
fn abuse_is_answered_hurts_nobody_and_costs_no_more_memory_than_the_settings_grant() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(directory.path(), &flags());
    let address = collector.public.as_str();
    let mut polite = Polite::default();
    (0..200).for_each(|_| polite.send(address, true));
    collector.forget_peak();
    let before = collector.memory("VmRSS");

    let (stop, may_refuse) = (AtomicBool::new(false), AtomicBool::new(false));
    let started = Instant::now();
    let deaf = scope(|scope| {
        let stopped = StopAtEnd(&stop);
        let good = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                polite.send(address, !may_refuse.load(Ordering::Relaxed));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let deaf = scope.spawn(|| deaf_clients(address));
        let others = [
            scope.spawn(|| (0..3).for_each(|_| bad_bodies(address))),
            scope.spawn(|| (0..3).for_each(|_| bad_bodies(address))),
            scope.spawn(|| slow_clients(address)),
            scope.spawn(|| bad_heads(address)),
        ];
        others.into_iter().for_each(|other| other.join().unwrap());
        let deaf = deaf.join().unwrap();
        println!("{:?}: peak {} MiB more", started.elapsed(), (collector.memory("VmHWM") - before) / MIB);
        may_refuse.store(true, Ordering::Relaxed);
        let [shed, slow, cut] = flood(address);
        println!("of 100 large bodies {shed} were shed, {slow} were too slow, {cut} saw no answer");
        assert!(shed > 0 || is_unbounded(), "there was room for all of it");
        may_refuse.store(false, Ordering::Relaxed);
        drop(stopped);
        good.join().unwrap();
        deaf
    });

    let peak = collector.memory("VmHWM") - before;
    println!(
        "{:?}: before {} MiB, peak {} MiB more, granted {} MiB",
        started.elapsed(),
        before / MIB,
        peak / MIB,
        bound() / MIB
    );
    println!("good hits: {} acknowledged, {} sent again", polite.acknowledged.len(), polite.refused);
    // The deaf still hold their ends open, and have lost their slots all the same.
    let started = Instant::now();
    while collector.metric("tributary_http_connections") > 1.0 {
        let open = collector.metric("tributary_http_connections");
        assert!(started.elapsed() < Duration::from_secs(10), "{open} connections are still open");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(deaf);
    assert_eq!(collector.get("live").0, 200);
    assert_eq!(collector.get("ready").0, 200, "{}", collector.get("ready").1);
    assert_eq!(collector.metric("tributary_http_bytes_in_flight"), 0.0);
    (0..20).for_each(|_| polite.send(address, true));
    assert!(collector.stop().success());

    let kept = ids_on_the_bus(directory.path());
    let missing: Vec<_> = polite.acknowledged.iter().filter(|id| !kept.contains(*id)).collect();
    assert!(missing.is_empty(), "acknowledged and not on the bus: {missing:?}");
    assert!(polite.acknowledged.len() > 300, "the good client hardly came through: {}", polite.acknowledged.len());
    assert!(peak <= bound(), "it took {} MiB more, and {} MiB are granted", peak / MIB, bound() / MIB);
}

/// Stops the good client at the end, which may be a failure.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A client that sends one good hit after the other on one connection, and again what was refused for now.
#[derive(Default)]
struct Polite {
    agent: Option<ureq::Agent>,
    acknowledged: Vec<String>,
    refused: usize,
}

impl Polite {
    /// `must_take`: nothing stands against the hit.
    fn send(&mut self, address: &str, must_take: bool) {
        let id = format!("00000000-0000-4000-8000-{:012x}", self.acknowledged.len());
        let hit = json!({ "hit_id": id, "site": "good.example", "visitor_id": "polite", "url": "/" }).to_string();
        let agent = self.agent.get_or_insert_with(|| {
            let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
            config.build().into()
        });
        let started = Instant::now();
        loop {
            let answer = agent.post(&format!("http://{address}/collect")).content_type("application/json").send(&hit);
            let mut answer = answer.unwrap_or_else(|error| panic!("a good client's connection failed: {error}"));
            let text = answer.body_mut().read_to_string().unwrap();
            match answer.status().as_u16() {
                200 => break,
                503 if !must_take => self.refused += 1,
                other => panic!("a good hit was answered with {other}: {text}"),
            }
            assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
            assert!(started.elapsed() < PATIENCE, "a good hit never came through");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.acknowledged.push(id);
    }
}

/// Bodies that break a rule each, and what the answer must say of it.
fn bad_bodies(address: &str) {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let field = |value: &str| format!(r#"{{"site":"a","props":{{"x":{value}}}}}"#).into_bytes();
    let large = vec![b' '; MAX_BODY + 1];
    let over = "the body is larger than 4194304 bytes";
    // What it is, the request, and of its answer: status, reason, how the pointer begins, a part of the detail.
    type Case = (&'static str, Vec<u8>, u16, &'static str, &'static str, &'static str);
    let cases: Vec<Case> = vec![
        ("too large", post(&large), 413, "too_large", "", over),
        ("too large, in chunks", chunked(&large), 413, "too_large", "", over),
        ("10,000 deep", post(&field(&nested(5_000))), 400, "too_deep", "/props", ""),
        ("a million deep in props", post(&field(&nested(1_000_000))), 400, "props_too_large", "/props", "16384"),
        ("a million deep", post(nested(1_000_000).as_bytes()), 400, "wrong_type", "/0", "a hit must be a JSON object"),
        ("a million open", post("[".repeat(1_000_000).as_bytes()), 400, "invalid_json", "", "line 1 column 1000000"),
        ("objects that nest", post(r#"{"a":"#.repeat(700_000).as_bytes()), 400, "invalid_json", "", "line 1 column"),
        ("a million hits", post(many("{}", 1_000_000).as_bytes()), 413, "too_many_hits", "", "more than 1000 hits"),
        ("a thousand bad hits", post(many("{}", 1_000).as_bytes()), 400, "missing_field", "/0/site", "needs a site"),
        ("a key twice", post(br#"{"site":"a","site":"b"}"#), 400, "duplicate_key", "/site", "`site` is there twice"),
        ("a key twice in props", post(&field(r#"{"y":1,"y":2}"#)), 400, "duplicate_key", "/props/x/y", ""),
        ("no number", post(&field("NaN")), 400, "invalid_json", "", "line 1 column 26"),
        ("not UTF-8", post(b"{\"site\":\"\xff\"}"), 400, "invalid_utf8", "", "from byte 9 on"),
        (
            "a long name",
            post(format!(r#"{{"{}":1}}"#, "n".repeat(3_000_000)).as_bytes()),
            400,
            "unknown_field",
            "/nnn",
            "",
        ),
        ("a long text", post(format!(r#"["{}"]"#, "s".repeat(3_000_000)).as_bytes()), 400, "wrong_type", "/0", ""),
        ("empty", post(b""), 400, "invalid_json", "", "line 1 column 0"),
    ];
    for (name, request, status, reason, pointer, detail) in &cases {
        // On a machine that is busy with other things a large body may be too slow.
        let mut answers = (0..10).map(|_| exchange(address, request).unwrap_or_else(|| panic!("{name}: no answer")));
        let answer = answers.find(|answer| answer.status != 408);
        let answer = answer.unwrap_or_else(|| panic!("{name}: too slow ten times"));
        let problem = answer.body.get("error").unwrap_or(&answer.body["rejected"][0]);
        let text = |field: &str| problem[field].as_str().unwrap_or_default();
        assert_eq!((answer.status, text("reason")), (*status, *reason), "{name}: {answer:.300?}");
        let says_where =
            if pointer.is_empty() { text("pointer").is_empty() } else { text("pointer").starts_with(pointer) };
        assert!(says_where && text("detail").contains(detail) && !text("detail").is_empty(), "{name}: {problem}");
        assert!(text("detail").len() < 1024 && text("pointer").len() < 1024, "{name}: it quotes too much");
    }
}

fn many(hit: &str, count: usize) -> String {
    format!("[{}]", vec![hit; count].join(","))
}

/// Slow loris, in the head and in the body.
fn slow_clients(address: &str) {
    let start = |head: &str| -> Vec<_> {
        let streams = (0..60).map(|_| connect(address));
        let begin = |mut stream: std::net::TcpStream| {
            std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
            stream
        };
        streams.map(begin).collect()
    };
    let mut in_head = start(&format!("{HEAD}x-slow: "));
    let mut in_body = start(&format!("{HEAD}content-length: 1000000\r\n\r\n"));
    let pause = Duration::from_millis(200);
    scope(|scope| {
        scope.spawn(|| drip(&mut in_head, pause, Duration::from_secs(8)));
        scope.spawn(|| drip(&mut in_body, pause, Duration::from_secs(8)));
    });
    for stream in &mut in_body {
        // What was dripped after the answer may have cost it.
        if let Some(answer) = last_answer(stream) {
            assert_eq!((answer.status, &answer.body["error"]["reason"]), (408, &json!("timeout")), "{answer:?}");
        }
    }
    assert!(in_head.iter_mut().all(|stream| last_answer(stream).is_none_or(|answer| answer.status == 408)));
    // One that stops instead of dripping sees its answer.
    let mut stalled = start(&format!("{HEAD}content-length: 1000000\r\n\r\n")).remove(0);
    let answer = last_answer(&mut stalled).unwrap();
    assert_eq!((answer.status, &answer.body["error"]["reason"]), (408, &json!("timeout")), "{answer:?}");
}

/// Heads that are too large, that never end, and what is no HTTP behind what is.
fn bad_heads(address: &str) {
    let endless: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = connect(address);
            std::io::Write::write_all(&mut stream, format!("{HEAD}x-long: {}", "y".repeat(60_000)).as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..40 {
        let answer = exchange(address, format!("{HEAD}x-long: {}\r\n\r\n", "y".repeat(1_000_000)).as_bytes());
        assert_eq!(answer.unwrap().status, 431);
        let flood: String = (0..5_000).map(|n| format!("x-{n}: y\r\n")).collect();
        let answer = exchange(address, format!("{HEAD}{flood}\r\n").as_bytes());
        assert_eq!(answer.unwrap().status, 431);
        let good = format!("{HEAD}content-length: 12\r\n\r\n{{\"site\":\"a\"}}");
        let answer = exchange(address, format!("{good}{good}\0\u{1}garbage garbage\r\n\r\n{good}").as_bytes());
        assert_eq!(answer.unwrap().status, 400, "what follows garbage is not read");
        let both = format!("{HEAD}content-length: 5\r\ntransfer-encoding: gzip\r\n\r\nhello");
        assert_eq!(exchange(address, both.as_bytes()).unwrap().status, 400);
    }
    drop(endless);
}

/// Clients that send and never read: they come back when they are cut off, and are held open here.
fn deaf_clients(address: &str) -> Vec<std::net::TcpStream> {
    let hits = many("0", 1_000);
    let refused = format!("{HEAD}content-length: {}\r\n\r\n{hits}", hits.len()).into_bytes();
    let cheap = b"GET /tracker.js HTTP/1.1\r\nhost: a\r\n\r\n".repeat(100);
    scope(|scope| {
        let requests = (0..30).map(|n| if n % 10 == 0 { &refused } else { &cheap });
        let threads: Vec<_> = requests.map(|request| scope.spawn(|| never_read(address, request))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Many large bodies at once, each one byte short of its end: more than may be in memory. How many were shed, were too
/// slow, and saw no answer.
fn flood(address: &str) -> [usize; 3] {
    let body = vec![b' '; MAX_BODY - 1];
    let (shed, slow, cut) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let head = format!("{HEAD}content-length: {MAX_BODY}\r\n\r\n");
                let Some(answer) = exchange(address, &[head.as_bytes(), &body].concat()) else {
                    cut.fetch_add(1, Ordering::Relaxed);
                    return;
                };
                let reason = answer.body["error"]["reason"].as_str().unwrap_or_default();
                match (answer.status, reason) {
                    (503, "unavailable") if answer.head.contains("retry-after: 1") => {
                        shed.fetch_add(1, Ordering::Relaxed)
                    }
                    (408, "timeout") => slow.fetch_add(1, Ordering::Relaxed),
                    _ => panic!("{answer:?}"),
                };
            });
        }
    });
    [shed, slow, cut].map(AtomicUsize::into_inner)
}

/// The ids of every hit on the bus.
fn ids_on_the_bus(data: &Path) -> BTreeSet<String> {
    let bus = reference::open(data);
    let records = (0..bus.partitions()).flat_map(|partition| reference::records(&bus, Topic::Hits, partition));
    let hits = records.filter_map(|record| serde_json::from_slice::<Value>(&record.value?).ok());
    hits.filter_map(|hit| hit["hit_id"].as_str().map(str::to_owned)).collect()
}
