//! One request on its way to the server, whole or cut.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Any failure on the way: the client's connection breaks.
pub(crate) type Broken = Box<dyn std::error::Error + Send + Sync>;

/// Sends a request as it is and waits for the whole answer.
pub(crate) async fn forward(to: SocketAddr, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
    let is_head = request.method() == Method::HEAD;
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request.map(Full::new)).await?;
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    if !is_head {
        // The body is here as a whole; how it came does not matter any more.
        parts.headers.remove(TRANSFER_ENCODING);
        parts.headers.remove(CONTENT_LENGTH);
    }
    Ok(Response::from_parts(parts, body))
}

/// Sends a request's head and half of its body, and breaks off.
pub(crate) async fn forward_half(to: SocketAddr, request: Request<Bytes>) -> io::Result<()> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut head = format!("{} {path} HTTP/1.1\r\n", parts.method).into_bytes();
    for (name, value) in &parts.headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(&head).await?;
    stream.write_all(&body[..body.len() / 2]).await?;
    stream.shutdown().await
}
