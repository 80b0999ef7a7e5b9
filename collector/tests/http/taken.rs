//! Hits that are taken, and what an answer promises.

use std::time::Duration;

use bus::embedded::{EmbeddedBus, Options};
use bus::{Bus, BusError, Source};
use events::{NextOffset, Topic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Running;
use crate::client::{exchange, post, read_answer, request};
use crate::double::Double;

#[tokio::test]
async fn a_request_is_answered_hit_by_hit_and_written_record_by_record() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let answer =
        post(running.address, r#"{"site":"shop.example","visitor_id":"v1","hits":[{"url":"/a"},{"url":1}]}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    insta::assert_snapshot!("partly_taken_answer", answer.body);
    insta::assert_snapshot!("partly_taken_hits", bus.values(Topic::Hits).join("\n"));
    insta::assert_snapshot!("partly_taken_rejected", bus.values(Topic::Rejected).join("\n"));
}

#[tokio::test]
async fn what_is_acknowledged_is_on_the_embedded_bus_also_when_it_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let open = || std::sync::Arc::new(EmbeddedBus::open(Options::at(folder.path())).unwrap());
    let running = Running::start(open(), &[]).await;
    let hits: Vec<_> = (0..20).map(|n| format!(r#"{{"site":"a","visitor_id":"v{n}"}}"#)).collect();
    assert_eq!(post(running.address, format!("[{}]", hits.join(","))).await.json()["accepted"], 20);
    running.stop().await;

    let bus = open();
    let mut values = Vec::new();
    for partition in 0..bus.partitions() {
        let mut reader = bus.read(Source { topic: Topic::Hits, partition }, NextOffset::START).unwrap();
        values.extend(reader.next(Duration::ZERO).unwrap().into_iter().filter_map(|record| record.value));
    }
    assert_eq!(values.len(), 20);
}

#[tokio::test]
async fn nothing_is_answered_before_the_bus_has_it() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &[]).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let hit = request("POST", "/collect", &[("content-type", "application/json")], br#"{"site":"a"}"#);
    stream.write_all(&hit).await.unwrap();

    bus.somebody_waits().await;
    // The request has reached the bus, so an early answer would have been written by now, or be on its way: give
    // the server's tasks every chance to send it.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(stream.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    bus.let_one_through();
    assert_eq!(read_answer(&mut stream).await.status, 200);
}

#[tokio::test]
async fn where_the_bus_fails_all_of_the_request_is_a_503_and_the_next_one_is_taken() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    for failure in [BusError::Unavailable("away".into()), BusError::Full("no room".into())] {
        bus.fail_with(Some(failure));
        let answer = post(running.address, r#"[{"site":"a"},{"site":"b"}]"#).await;
        assert_eq!((answer.status, answer.error().as_str()), (503, "unavailable"));
        assert_eq!(answer.json()["accepted"], 0);
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert!(!running.health.is_ready(), "who keeps nothing is sent nothing");
    }
    assert_eq!(bus.values(Topic::Hits).len(), 0);
    assert_eq!(post(running.address, r#"{"site":"a"}"#).await.status, 200);
    assert!(running.health.is_ready());
    insta::assert_snapshot!({
        bus.fail_with(Some(BusError::Unavailable("away".into())));
        post(running.address, r#"{"site":"a"}"#).await.body
    });
}

#[tokio::test]
async fn a_bus_that_does_not_answer_in_time_is_a_503() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &["--publish-timeout=1ms"]).await;
    assert_eq!(post(running.address, r#"{"site":"a"}"#).await.status, 503);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let hit = "POST /collect HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"site\":\"a\"}";
    for _ in 0..3 {
        stream.write_all(hit.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    }
    assert_eq!(bus.values(Topic::Hits).len(), 3);
}

#[tokio::test]
async fn stopping_finishes_what_is_at_hand_and_takes_nothing_new() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &[]).await;
    let waiting = tokio::spawn(post(running.address, r#"{"site":"a"}"#));
    bus.somebody_waits().await;
    assert!(running.health.is_ready());

    running.shutdown.cancel();
    while running.health.is_ready() {
        tokio::task::yield_now().await;
    }
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    bus.let_one_through();
    assert_eq!(waiting.await.unwrap().status, 200);
    running.server.await.unwrap();
}

#[tokio::test]
async fn a_request_that_outlasts_the_drain_timeout_is_cut_without_an_answer() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &["--drain-timeout=1ms"]).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let hit = request("POST", "/collect", &[("content-type", "application/json")], br#"{"site":"a"}"#);
    stream.write_all(&hit).await.unwrap();
    bus.somebody_waits().await;
    running.stop().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn chunked_bodies_are_put_together() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let head = "POST /collect HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunks = "5\r\n{\"sit\r\n3\r\ne\":\r\n4\r\n\"a\"}\r\n0\r\n\r\n";
    assert_eq!(exchange(running.address, format!("{head}{chunks}").as_bytes()).await.status, 200);
    assert_eq!(bus.values(Topic::Hits).len(), 1);
}
