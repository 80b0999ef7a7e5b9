//! Compressed bodies, good and bad.

use std::io::{Read, Write};

use events::Topic;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::Running;
use crate::client::{Answer, exchange, request};
use crate::double::Double;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorReader::new(body, 4096, 5, 22).read_to_end(&mut out).unwrap();
    out
}

fn deflate(body: &[u8], bare: bool) -> Vec<u8> {
    if bare {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        return encoder.finish().unwrap();
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A body in every encoding that is taken.
fn all(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("gzip", gzip(body)),
        ("br", brotli(body)),
        ("zstd", zstd::encode_all(body, 3).unwrap()),
        ("deflate", deflate(body, false)),
        ("deflate", deflate(body, true)),
    ]
}

async fn post(running: &Running, encoding: &str, body: &[u8]) -> Answer {
    let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
    exchange(running.address, &request("POST", "/collect", &headers, body)).await
}

#[tokio::test]
async fn a_compressed_body_is_as_good_as_any() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let hits = format!("[{}]", vec![r#"{"site":"a"}"#; 500].join(","));
    for (encoding, body) in all(hits.as_bytes()) {
        assert!(body.len() < 500);
        assert_eq!(post(&running, encoding, &body).await.json()["accepted"], 500, "{encoding}");
    }
    assert_eq!(bus.values(Topic::Hits).len(), 2500);
    assert_eq!(post(&running, "identity", br#"{"site":"a"}"#).await.status, 200);
}

#[tokio::test]
async fn bombs_are_refused_and_what_they_held_is_given_back() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &["--max-body=1MiB", "--max-in-flight=2MiB"]).await;
    for (encoding, bomb) in all(&vec![b' '; 100 << 20]) {
        assert!(bomb.len() < 1 << 20, "{encoding}");
        for _ in 0..3 {
            let answer = post(&running, encoding, &bomb).await;
            assert_eq!((answer.status, answer.error().as_str()), (413, "too_large"), "{encoding}");
        }
    }
    let almost = format!("{{\"site\":\"a\"{}}}", " ".repeat((1 << 20) - 13));
    assert_eq!(post(&running, "gzip", &gzip(almost.as_bytes())).await.status, 200);
}

#[tokio::test]
async fn what_bodies_become_counts_against_the_bytes_in_flight() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &["--max-body=64KiB", "--max-in-flight=64KiB"]).await;
    let body = gzip(format!("{{\"site\":\"a\"{}}}", " ".repeat(50_000)).as_bytes());
    let first = tokio::spawn({
        let (address, body) = (running.address, body.clone());
        async move { exchange(address, &request("POST", "/collect", &[("content-encoding", "gzip")], &body)).await }
    });
    bus.somebody_waits().await;
    let shed = post(&running, "gzip", &body).await;
    assert_eq!((shed.status, shed.header("retry-after")), (503, Some("1")));
    bus.let_one_through();
    assert_eq!(first.await.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_not_what_its_head_says_is_rejected_and_kept() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let hit = br#"{"site":"a"}"#;
    for (encoding, body) in all(hit) {
        for bad in [&body[..body.len() - 1], &b"\xff\xffnonsense"[..]] {
            let answer = post(&running, encoding, bad).await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_encoding"), "{encoding}");
        }
    }
    assert_eq!(bus.values(Topic::Rejected).len(), 10);
    assert_eq!(bus.values(Topic::Hits).len(), 0);
}
