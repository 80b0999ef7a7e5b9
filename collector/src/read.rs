//! Getting a body into memory within its bounds: size, time, and the bytes of all requests together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use service::metrics::HTTP_BYTES_IN_FLIGHT;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::edge::Edge;
use crate::encoding::{DecodeError, Encoding};

/// What a request weighs beside its body.
pub(crate) const REQUEST_BYTES: usize = 4096;

/// How long a client that sends too much is read on, so that it gets to see its answer instead of a reset.
const LINGER: Duration = Duration::from_secs(1);

/// A body in memory, with its share of the bound on all of them.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    share: Share,
}

impl Held {
    /// Unfolds a compressed body. What it becomes is bounded as what came is, and counts beside it meanwhile.
    pub(crate) fn decode(&mut self, encoding: Encoding, edge: &Edge) -> Result<(), DecodeError<ReadError>> {
        let room = |bytes| self.share.grow(&edge.in_flight, bytes);
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
    Broken(axum::Error),
}

/// Permits for the bytes that a request holds; given back when it is dropped.
#[derive(Debug)]
struct Share(OwnedSemaphorePermit);

impl Share {
    fn take(pool: &Arc<Semaphore>, bytes: usize) -> Result<Self, ReadError> {
        let permits = u32::try_from(bytes).map_err(|_| ReadError::TooLarge)?;
        let share = pool.clone().try_acquire_many_owned(permits).map_err(|_| ReadError::Full)?;
        metrics::gauge!(HTTP_BYTES_IN_FLIGHT).increment(f64::from(permits));
        Ok(Self(share))
    }

    /// Grows with what has arrived, not with what is announced: a client that stalls holds next to nothing.
    fn grow(&mut self, pool: &Arc<Semaphore>, bytes: usize) -> Result<(), ReadError> {
        let permits = u32::try_from(bytes).map_err(|_| ReadError::TooLarge)?;
        self.0.merge(pool.clone().try_acquire_many_owned(permits).map_err(|_| ReadError::Full)?);
        metrics::gauge!(HTTP_BYTES_IN_FLIGHT).increment(f64::from(permits));
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        metrics::gauge!(HTTP_BYTES_IN_FLIGHT).decrement(self.0.num_permits() as f64);
    }
}

/// Reads a body. What its head announces to be too large is refused at once.
pub(crate) async fn read(mut body: Body, head: &HeaderMap, edge: &Edge) -> Result<Held, ReadError> {
    let most = edge.bounds.body;
    let mut share = Share::take(&edge.in_flight, REQUEST_BYTES)?;
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
    while let Some(frame) = timeout_at(deadline, body.frame()).await.map_err(|_| ReadError::Slow)? {
        let Ok(data) = frame.map_err(ReadError::Broken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > most {
            drop(share);
            linger(body, most).await;
            return Err(ReadError::TooLarge);
        }
        share.grow(&edge.in_flight, data.len())?;
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

/// Reads and forgets a little more.
async fn linger(mut body: Body, most: usize) {
    let deadline = Instant::now() + LINGER;
    let mut left = most;
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
        match frame.data_ref().and_then(|data| left.checked_sub(data.len())) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
