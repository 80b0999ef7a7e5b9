//! Clients that mean no good: bytes on a socket, with no HTTP library that would keep them from it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a client waits for anything at all.
const WAIT: Duration = Duration::from_secs(15);

/// The beginning of every post.
pub(crate) const HEAD: &str = "POST /collect HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.set_write_timeout(Some(WAIT)).unwrap();
    stream
}

/// A whole post that ends its connection.
pub(crate) fn post(body: &[u8]) -> Vec<u8> {
    let head = format!("{HEAD}connection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A post in chunks, whose length nobody can know beforehand.
pub(crate) fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{HEAD}connection: close\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(64 << 10) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Sends bytes, as far as they are taken, and reads what comes back until the connection ends.
pub(crate) fn exchange(address: &str, bytes: &[u8]) -> Option<Answer> {
    let mut stream = connect(address);
    let _ = stream.write_all(bytes);
    last_answer(&mut stream)
}

/// Reads until the connection ends, and gives the last answer; none where there was none.
pub(crate) fn last_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (_, last) = text.rsplit_once("HTTP/1.1 ")?;
    let (head, body) = last.split_once("\r\n\r\n")?;
    let status = head.split(' ').next()?.parse().ok()?;
    Some(Answer { status, head: head.to_ascii_lowercase(), body: serde_json::from_str(body).unwrap_or_default() })
}

/// Sends one byte to each now and then, until nobody takes any.
pub(crate) fn drip(streams: &mut [TcpStream], pause: Duration, most: Duration) {
    let started = Instant::now();
    while started.elapsed() < most {
        let taken = streams.iter_mut().filter_map(|stream| stream.write_all(b"x").ok()).count();
        if taken == 0 {
            return;
        }
        std::thread::sleep(pause);
    }
}

/// Sends the same request over and over and takes no answer, until it is cut off.
pub(crate) fn never_read(address: &str, request: &[u8]) -> TcpStream {
    let mut stream = connect(address);
    while stream.write_all(request).is_ok() {}
    stream
}
