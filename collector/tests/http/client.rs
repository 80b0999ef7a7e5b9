//! An HTTP client of a few lines, which sends whatever a test wants sent.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::double::soon;

/// An answer in parts.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    /// As text, with a mark for what is none.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The reason why the whole request was refused.
    pub(crate) fn error(&self) -> String {
        self.json()["error"]["reason"].as_str().unwrap_or("-").to_owned()
    }
}

/// Sends bytes and reads the answer until the server closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before it has read all.
    let _ = stream.write_all(bytes).await;
    read_answer(&mut stream).await
}

pub(crate) async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    let _ = soon("the end of an answer", stream.read_to_end(&mut bytes)).await;
    let split = bytes.windows(4).position(|end| end == b"\r\n\r\n");
    let split = split.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let bytes = bytes.split_off(split + 4);
    Answer { status, head, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
}

/// A whole request, with what it takes for the server to close behind it.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !body.is_empty() {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(address, &request("GET", path, headers, b"")).await
}

/// Posts as a page's `sendBeacon` does.
pub(crate) async fn post(address: SocketAddr, body: impl AsRef<[u8]>) -> Answer {
    let headers = [("content-type", "text/plain;charset=UTF-8"), ("user-agent", "Browser/1")];
    exchange(address, &request("POST", "/collect", &headers, body.as_ref())).await
}
