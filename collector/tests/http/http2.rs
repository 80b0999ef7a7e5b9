//! HTTP/2 without TLS, and what it must not be used for.

use std::time::Duration;

use bytes::Bytes;
use events::Topic;
use h2::client::SendRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Running;
use crate::client::read_answer;
use crate::double::{Double, soon};

async fn connect(running: &Running) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    client
}

fn post() -> hyper::Request<()> {
    hyper::Request::post("http://localhost/collect").header("content-type", "application/json").body(()).unwrap()
}

#[tokio::test]
async fn many_requests_at_once_go_over_one_connection() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &[]).await;
    let client = connect(&running).await;
    let mut answers = Vec::new();
    for _ in 0..20 {
        let mut client = client.clone().ready().await.unwrap();
        let (answer, mut body) = client.send_request(post(), false).unwrap();
        body.send_data(Bytes::from_static(br#"{"site":"a"}"#), true).unwrap();
        answers.push(answer);
    }
    for _ in 0..20 {
        bus.somebody_waits().await;
    }
    for _ in 0..20 {
        bus.let_one_through();
    }
    for answer in answers {
        assert_eq!(soon("an answer", answer).await.unwrap().status(), 200);
    }
    assert_eq!(bus.values(Topic::Hits).len(), 20);
}

#[tokio::test]
async fn a_head_alone_has_the_length_and_no_body() {
    let running = Running::start(Double::willing(), &[]).await;
    let mut client = connect(&running).await.ready().await.unwrap();
    let head = hyper::Request::head("http://localhost/tracker.js").body(()).unwrap();
    let (answer, _) = client.send_request(head, true).unwrap();
    let answer = soon("an answer", answer).await.unwrap();
    let length = include_str!("../../../snippet/tracker.js").len().to_string();
    assert_eq!(answer.headers()["content-length"], length.as_str());
    assert!(answer.into_body().data().await.is_none());
}

#[tokio::test]
async fn a_body_larger_than_the_window_is_taken_and_one_too_large_refused() {
    let running = Running::start(Double::willing(), &["--max-body=512KiB"]).await;
    for (length, status) in [(500 << 10, 200), (600 << 10, 413)] {
        let mut client = connect(&running).await.ready().await.unwrap();
        let (answer, mut body) = client.send_request(post(), false).unwrap();
        let hit = format!("{{\"site\":\"a\"{}}}", " ".repeat(length));
        // Refused, the rest of it is not wanted any more.
        let _ = body.send_data(Bytes::from(hit), true);
        assert_eq!(soon("an answer", answer).await.unwrap().status(), status, "{length}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_at_work_is_not() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &["--read-timeout=1s"]).await;
    let mut client = connect(&running).await.ready().await.unwrap();
    let (answer, mut body) = client.send_request(post(), false).unwrap();
    body.send_data(Bytes::from_static(br#"{"site":"a"}"#), true).unwrap();
    bus.somebody_waits().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    bus.let_one_through();
    assert_eq!(soon("an answer", answer).await.unwrap().status(), 200);
    let gone = async {
        while client.clone().ready().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the end of the connection", gone).await;
}

#[tokio::test]
async fn who_begins_slowly_is_told_apart_all_the_same() {
    let running = Running::start(Double::willing(), &["--read-timeout=10s"]).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request =
        "POST /collect HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 12\r\n\r\n{\"site\":\"a\"}";
    for byte in request.as_bytes().chunks(1) {
        stream.write_all(byte).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read_answer(&mut stream).await.status, 200);

    let mut stuck = TcpStream::connect(running.address).await.unwrap();
    stuck.write_all(b"PR").await.unwrap();
    running.stop().await;
    let mut rest = Vec::new();
    let _ = soon("the end of the connection", stuck.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let running = Running::start(Double::willing(), &[]).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head =
        "POST /collect HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 12\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(br#"{"site":"a"}"#).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 200);
}
