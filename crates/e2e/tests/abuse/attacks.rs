//! Clients that are slow, deaf, many, or speak no HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use serde_json::json;

use crate::MAX_BODY;
use crate::bodies::many;
use crate::hostile::{HEAD, connect, drip, exchange, last_answer, never_read};

/// Slow loris, in the head and in the body. The status that each saw, if any.
pub(crate) fn slow_clients(address: &str) -> Vec<Option<u16>> {
    let start = |head: &str| -> Vec<_> {
        let streams = (0..60).map(|_| connect(address));
        let begin = |mut stream: TcpStream| {
            stream.write_all(head.as_bytes()).unwrap();
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
    // What was dripped after the answer may have cost it.
    let of_bodies: Vec<_> = in_body.iter_mut().map(last_answer).collect();
    for answer in of_bodies.iter().flatten() {
        assert_eq!((answer.status, &answer.body["error"]["reason"]), (408, &json!("timeout")), "{answer:?}");
    }
    let of_heads: Vec<_> = in_head.iter_mut().map(last_answer).collect();
    assert!(of_heads.iter().flatten().all(|answer| answer.status == 408));
    // One that stops instead of dripping sees its answer.
    let mut stalled = start(&format!("{HEAD}content-length: 1000000\r\n\r\n")).remove(0);
    let answer = last_answer(&mut stalled).unwrap();
    assert_eq!((answer.status, &answer.body["error"]["reason"]), (408, &json!("timeout")), "{answer:?}");
    of_bodies.into_iter().chain(of_heads).map(|answer| answer.map(|answer| answer.status)).collect()
}

/// Connections that nobody uses, but for one request of every second one.
pub(crate) fn idle_clients(address: &str, count: usize) -> Vec<TcpStream> {
    let mut streams: Vec<_> = (0..count).map(|_| connect(address)).collect();
    for stream in streams.iter_mut().step_by(2) {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    }
    for stream in streams.iter_mut().step_by(2) {
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
    }
    streams
}

/// Heads that are too large, that never end, and what is no HTTP behind what is.
pub(crate) fn bad_heads(address: &str) {
    let endless: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(format!("{HEAD}x-long: {}", "y".repeat(60_000)).as_bytes()).unwrap();
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
pub(crate) fn deaf_clients(address: &str) -> Vec<TcpStream> {
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
pub(crate) fn flood(address: &str) -> [usize; 3] {
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
