//! One connection: HTTP/1.1, or HTTP/2 where the client asks for it in TLS, or begins with it (h2c, as proxies and load
//! generators do).

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use service::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::answer::Response;
use crate::routes::Routes;
use crate::tls::{H2, Tls};

/// Most bytes of a request's head, and of a connection's read buffer.
const BUFFER_BYTES: usize = 64 * 1024;

/// Most requests at once on one connection of HTTP/2. What they hold is bounded over all connections.
const STREAMS: u32 = 128;

/// What an HTTP/2 client begins with, as far as it must be read to tell it from any other.
const PREFACE: &[u8; 3] = b"PRI";

/// What a client that sent one or two bytes of that is given, again and again.
const GLANCE: Duration = Duration::from_millis(10);

type Answered = Result<Response, Infallible>;

/// How connections are served.
#[derive(Debug)]
pub(crate) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    /// None: what stands before this port has TLS, or nobody does.
    tls: Option<Arc<Tls>>,
    /// The longest pause of a client: in a head, between requests, in taking an answer.
    pause: Duration,
}

impl Protocols {
    pub(crate) fn new(pause: Duration, tls: Option<Arc<Tls>>) -> Self {
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()).header_read_timeout(pause).max_buf_size(BUFFER_BYTES);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        // What a client may send before anybody reads it is memory that nothing else counts.
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(BUFFER_BYTES as u32)
            .max_send_buf_size(BUFFER_BYTES)
            .initial_stream_window_size(BUFFER_BYTES as u32)
            .initial_connection_window_size(BUFFER_BYTES as u32)
            .keep_alive_interval(pause)
            .keep_alive_timeout(pause);
        Self { http1, http2, tls, pause }
    }

    /// Answers a connection's requests until its client, its pauses or the watcher end it. `shutdown` ends it before it
    /// has begun.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: IpAddr,
        routes: Arc<Routes>,
        watcher: Watcher,
        shutdown: Shutdown,
    ) -> Result<(), Ended> {
        let Some(tls) = &self.tls else {
            let is_http2 = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                is_http2 = timeout(self.pause, is_http2(&stream)) => is_http2.map_err(|_| Ended::Idle)??,
            };
            return self.converse(stream, is_http2, peer, routes, watcher).await;
        };
        // In boxes: a connection without TLS takes no more for what one with it needs.
        let shaking_hands = Box::pin(timeout(self.pause, tls.accept(stream)));
        let stream = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            stream = shaking_hands => stream.map_err(|_| Ended::Idle)??,
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        self.converse(stream, is_http2, peer, routes, watcher).await
    }

    /// Speaks HTTP, once it is known which one.
    async fn converse<S>(
        &self,
        stream: S,
        is_http2: bool,
        peer: IpAddr,
        routes: Arc<Routes>,
        watcher: Watcher,
    ) -> Result<(), Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut stream = TimeoutStream::new(stream);
        // Who does not take an answer must not keep a slot for ever. Reading has bounds of its own.
        stream.set_write_timeout(Some(self.pause));
        let io = TokioIo::new(Box::pin(stream));
        if !is_http2 {
            let service = service_fn(move |request| answer(routes.clone(), request, peer));
            return Ok(watcher.watch(self.http1.serve_connection(io, service)).await?);
        }
        let open = Arc::new(Open::default());
        let service = {
            let open = open.clone();
            service_fn(move |request| {
                let one = open.one();
                answer(routes.clone(), request, peer).inspect(move |_| drop(one))
            })
        };
        let serving = pin!(watcher.watch(self.http2.serve_connection(io, service)));
        tokio::select! {
            result = serving => Ok(result?),
            () = open.none_for(self.pause) => Err(Ended::Idle),
        }
    }
}

/// Why a connection ended before its client ended it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("nothing came for too long")]
    Idle,
    #[error(transparent)]
    Socket(#[from] io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// In a box of its own: what a request needs while it is answered, an idle connection must not hold.
fn answer(routes: Arc<Routes>, request: Request<Incoming>, peer: IpAddr) -> BoxFuture<'static, Answered> {
    async move { Ok(routes.answer(request, peer).await) }.boxed()
}

/// Looks at the first bytes without taking them. One who went away is left to HTTP/1.1, which ends at once.
async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut begin = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut begin).await?;
        if length == 0 || !PREFACE.starts_with(&begin[..length]) {
            return Ok(false);
        }
        if length == PREFACE.len() {
            return Ok(true);
        }
        sleep(GLANCE).await;
    }
}

/// How many requests a connection has open: HTTP/1.1 ends idle connections by itself, HTTP/2 does not.
#[derive(Default)]
struct Open {
    requests: AtomicUsize,
    changed: Notify,
}

/// One open request.
struct One(Arc<Open>);

impl Open {
    fn one(self: &Arc<Self>) -> One {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_one();
        One(self.clone())
    }

    /// Resolves when there has been none for so long.
    async fn none_for(&self, pause: Duration) {
        loop {
            if self.requests.load(Ordering::Relaxed) > 0 {
                self.changed.notified().await;
            } else if timeout(pause, self.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}
