//! Getting a body into memory within its bounds: size, time, and the bytes of all requests together.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::{HeaderMap, header};
use tokio::time::{Instant, timeout_at};

use crate::edge::Edge;
use crate::encoding::{DecodeError, Encoding};
use crate::room::{Full, Share};

/// What a request weighs beside its body.
pub(crate) const REQUEST_BYTES: usize = 4096;

/// How long a client that sends too much is read on, so that it gets to see its answer instead of a reset.
const LINGER: Duration = Duration::from_secs(1);

/// A body in memory, with its share of the bound on all of them.
#[derive(Debug)]
pub(crate) struct Held<'r> {
    pub(crate) bytes: Bytes,
    share: Share<'r>,
}

impl Held<'_> {
    /// Unfolds a compressed body. What it becomes is bounded as what came is, and counts beside it meanwhile.
    pub(crate) fn decode(&mut self, encoding: Encoding, edge: &Edge) -> Result<(), DecodeError<ReadError>> {
        let room = |bytes| Ok(self.share.grow(bytes)?);
        self.bytes = encoding.decode(&self.bytes, edge.bounds.body, room)?.into();
        Ok(())
    }
}

/// Why a body is not in memory.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// It is larger than one may be.
    TooLarge,
    /// All requests together hold as much as they may.
    Full,
    /// It did not come in time.
    Slow,
    /// The client went away, or broke the protocol.
    Broken(hyper::Error),
}

impl From<Full> for ReadError {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

/// Reads a body. What its head announces to be too large is refused at once.
pub(crate) async fn read<'r>(mut body: Incoming, head: &HeaderMap, edge: &'r Edge) -> Result<Held<'r>, ReadError> {
    let most = edge.bounds.body;
    let mut share = edge.in_flight.share(REQUEST_BYTES)?;
    let announced = head.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > most as u64) {
        // A client that waits for our leave to send has sent nothing yet.
        if !head.contains_key(header::EXPECT) {
            drop(share);
            linger(body, most).await;
        }
        return Err(ReadError::TooLarge);
    }
    let deadline = Instant::now() + edge.bounds.read;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = next(&mut body, deadline).await? else { break };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > most {
            drop(share);
            linger(body, most).await;
            return Err(ReadError::TooLarge);
        }
        // With what has arrived, not with what is announced: a client that stalls holds next to nothing.
        share.grow(data.len())?;
        // Most bodies come in one piece, which need not be copied.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    let bytes = if all.is_empty() { first } else { all.freeze() };
    Ok(Held { bytes, share })
}

/// The next piece, if it comes in time. Most bodies have come with their heads, and hyper hands them over once it was asked and
/// has its turn again: only who is not served by then is waited for with a clock, which costs more than the piece.
async fn next(body: &mut Incoming, deadline: Instant) -> Result<Option<Frame<Bytes>>, ReadError> {
    let mut frame = body.frame();
    let mut has_asked = false;
    let at_once = poll_fn(|context| match frame.poll_unpin(context) {
        Poll::Pending if !has_asked => {
            has_asked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
        Poll::Ready(frame) => Poll::Ready(Some(frame)),
    });
    let frame = match at_once.await {
        Some(frame) => frame,
        None => timeout_at(deadline, frame).await.map_err(|_| ReadError::Slow)?,
    };
    frame.transpose().map_err(ReadError::Broken)
}

/// Reads and forgets a little more.
async fn linger(mut body: Incoming, most: usize) {
    let deadline = Instant::now() + LINGER;
    let mut left = most;
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
        match frame.data_ref().and_then(|data| left.checked_sub(data.len())) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
