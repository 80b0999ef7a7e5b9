//! Clients that send too much, too slowly, or too many at once.

use events::Topic;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Running;
use crate::client::{exchange, post, read_answer};
use crate::double::Double;

/// A pause that is too long. Not so short that a busy machine makes one where the client does not.
const PAUSE: &str = "--read-timeout=1s";

const HEAD: &str = "POST /collect HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_at_once() {
    let running = Running::start(Double::willing(), &["--max-body=1KiB"]).await;
    let head = format!("{HEAD}content-length: 104857600\r\nexpect: 100-continue\r\n\r\n");
    let answer = exchange(running.address, head.as_bytes()).await;
    assert_eq!((answer.status, answer.error().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn a_body_a_little_too_large_is_read_on_so_that_its_sender_sees_the_answer() {
    let running = Running::start(Double::willing(), &["--max-body=1KiB"]).await;
    let answer = post(running.address, "x".repeat(1025)).await;
    assert_eq!((answer.status, answer.error().as_str()), (413, "too_large"));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_hundred_megabytes_in_chunks_are_cut_early() {
    let running = Running::start(Double::willing(), &[]).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(format!("{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 100 << 20 && stream.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 50 << 20, "{sent} bytes were taken");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_client_that_stalls_is_cut_in_its_head_and_answered_in_its_body() {
    let running = Running::start(Double::willing(), &[PAUSE]).await;
    let mut in_head = TcpStream::connect(running.address).await.unwrap();
    in_head.write_all(HEAD.as_bytes()).await.unwrap();
    let mut in_body = TcpStream::connect(running.address).await.unwrap();
    in_body.write_all(format!("{HEAD}content-length: 100\r\n\r\n{{").as_bytes()).await.unwrap();

    let mut rest = Vec::new();
    let _ = in_head.read_to_end(&mut rest).await;
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    let answer = read_answer(&mut in_body).await;
    assert_eq!((answer.status, answer.error().as_str()), (408, "timeout"));
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed() {
    let running = Running::start(Double::willing(), &[PAUSE]).await;
    let mut never_used = TcpStream::connect(running.address).await.unwrap();
    let mut used = TcpStream::connect(running.address).await.unwrap();
    used.write_all(format!("{HEAD}content-length: 12\r\n\r\n{{\"site\":\"a\"}}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = used.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let _ = never_used.read_to_end(&mut answer).await;
}

/// Who sends requests and takes no answers is let go, though it holds its end open: else a few thousand of its kind
/// would take every slot for good.
#[tokio::test]
async fn a_client_that_takes_no_answers_loses_its_slot() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &["--read-timeout=100ms", "--max-connections=1"]).await;
    let mut deaf = TcpStream::connect(running.address).await.unwrap();
    let hits = format!("[{}]", vec!["0"; 1000].join(","));
    let request = format!("{HEAD}content-length: {}\r\n\r\n{hits}", hits.len());
    // More answers than all the buffers between the two take.
    let flood = async { while deaf.write_all(request.as_bytes()).await.is_ok() {} };
    let polite = post(running.address, r#"{"site":"a"}"#);
    let both = async { tokio::join!(polite, flood) };
    let (answer, ()) = tokio::time::timeout(std::time::Duration::from_secs(30), both).await.expect("it kept its slot");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn more_bytes_at_once_than_there_may_be_are_shed_and_room_comes_back() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &["--max-body=64KiB", "--max-in-flight=64KiB"]).await;
    let padded = format!("{{\"site\":\"a\"{}}}", " ".repeat(50_000));
    let first = tokio::spawn(post(running.address, padded.clone()));
    bus.somebody_waits().await;

    let shed = post(running.address, padded.clone()).await;
    assert_eq!((shed.status, shed.header("retry-after")), (503, Some("1")));
    let small = tokio::spawn(post(running.address, r#"{"site":"b"}"#));
    bus.somebody_waits().await;
    bus.let_one_through();
    bus.let_one_through();
    assert_eq!((first.await.unwrap().status, small.await.unwrap().status), (200, 200));

    bus.let_one_through();
    assert_eq!(post(running.address, padded).await.status, 200);
    assert_eq!(bus.values(Topic::Hits).len(), 3);
}

#[tokio::test]
async fn more_requests_at_once_than_there_may_be_are_shed_before_they_are_read() {
    let bus = Double::gated();
    let running = Running::start(bus.clone(), &["--max-requests=1"]).await;
    let first = tokio::spawn(post(running.address, r#"{"site":"a"}"#));
    bus.somebody_waits().await;

    // Its body never comes, and it is answered all the same.
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(format!("{HEAD}content-length: 100\r\n\r\n").as_bytes()).await.unwrap();
    let shed = read_answer(&mut second).await;
    assert_eq!((shed.status, shed.header("retry-after"), shed.error().as_str()), (503, Some("1"), "unavailable"));
    let pixel = exchange(running.address, b"GET /pixel.gif?site=a HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(pixel.status, 503);

    bus.let_one_through();
    assert_eq!(first.await.unwrap().status, 200);
    bus.let_one_through();
    assert_eq!(post(running.address, r#"{"site":"a"}"#).await.status, 200, "there is room again");
}

#[tokio::test]
async fn a_stalled_upload_holds_what_it_sent_not_what_it_announced() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &["--max-body=1MiB", "--max-in-flight=1MiB"]).await;
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(format!("{HEAD}content-length: 1000000\r\n\r\n{{").as_bytes()).await.unwrap();
        stalled.push(stream);
    }
    assert_eq!(post(running.address, r#"{"site":"a"}"#).await.status, 200);
}

#[tokio::test]
async fn connections_over_the_bound_wait_for_a_slot() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &["--max-connections=1"]).await;
    let idle = TcpStream::connect(running.address).await.unwrap();
    let waiting = tokio::spawn(post(running.address, r#"{"site":"a"}"#));
    drop(idle);
    assert_eq!(waiting.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let running = Running::start(Double::willing(), &[]).await;
    let flood: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let _ = stream.write_all(format!("{HEAD}{flood}\r\n").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}
