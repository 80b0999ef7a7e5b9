//! One kept connection: takes the next request that is due, sends it, waits for its answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::acknowledged::Acknowledged;
use super::tally::Tally;
use super::target::Target;
use super::timetable::Timetable;
use super::visitors::{self, Visitors};

/// A connection to the collector, opened anew where it breaks.
pub(super) struct Connection {
    target: Arc<Target>,
    visitors: Visitors,
    batch: u32,
    timeout: Duration,
    acknowledged: Option<Acknowledged>,
    open: Option<SendRequest<Full<Bytes>>>,
    tally: Tally,
}

/// The part of an answer that counts.
#[derive(Deserialize, Default)]
struct Answer {
    #[serde(default)]
    rejected: Vec<RejectedHit>,
}

#[derive(Deserialize)]
struct RejectedHit {
    index: usize,
}

impl Connection {
    /// Not open yet.
    pub(super) fn new(
        target: Arc<Target>,
        visitors: Visitors,
        batch: u32,
        timeout: Duration,
        acknowledged: Option<Acknowledged>,
    ) -> Self {
        Self { target, visitors, batch, timeout, acknowledged, open: None, tally: Tally::new() }
    }

    /// Connects.
    pub(super) async fn open(&mut self) -> Result<()> {
        let stream = tokio::time::timeout(self.timeout, TcpStream::connect(self.target.address())).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped, or with an error that the sender sees too.
        tokio::spawn(async move { drop(connection.await) });
        self.open = Some(sender);
        Ok(())
    }

    /// Sends what is due until nothing is any more.
    pub(super) async fn work(mut self, timetable: Timetable) -> Tally {
        while let Some(due) = timetable.next().await {
            let request = self.visitors.request(self.batch, (service::clock::system())());
            self.tally.requests += 1;
            let answer = tokio::time::timeout(self.timeout, self.send(&request)).await;
            match answer.unwrap_or(Err("timeout")) {
                Ok((status, body)) => {
                    self.tally.answered(due.elapsed());
                    self.answered(status, &body, &request.hit_ids);
                }
                Err(kind) => {
                    self.open = None;
                    self.tally.failed(kind);
                }
            }
        }
        self.tally
    }

    async fn send(&mut self, request: &visitors::Request) -> Result<(u16, Bytes), &'static str> {
        if self.open.as_ref().is_none_or(SendRequest::is_closed) {
            self.open().await.map_err(|_| "no connection")?;
        }
        let sender = self.open.as_mut().expect("it was opened just now");
        sender.ready().await.map_err(|_| "the connection broke")?;
        let body = Bytes::copy_from_slice(request.body.as_bytes());
        let message = Request::post(self.target.path())
            .header(header::HOST, self.target.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, request.user_agent)
            .body(Full::new(body))
            .map_err(|_| "no request")?;
        let answer = sender.send_request(message).await.map_err(|_| "the connection broke")?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(|_| "the connection broke")?;
        Ok((status, body.to_bytes()))
    }

    fn answered(&mut self, status: u16, body: &[u8], ids: &[uuid::Uuid]) {
        if status != 200 {
            return self.tally.failed(&format!("status {status}"));
        }
        let Ok(Answer { rejected }) = serde_json::from_slice(body) else {
            return self.tally.failed("an answer that is none of a collector's");
        };
        let is_taken = |index: usize| !rejected.iter().any(|hit| hit.index == index);
        let taken = ids.iter().enumerate().filter(|(index, _)| is_taken(*index)).map(|(_, id)| id);
        self.tally.acknowledged += taken.clone().count() as u64;
        self.tally.rejected += rejected.len() as u64;
        if let Some(acknowledged) = &self.acknowledged {
            acknowledged.add(taken);
        }
    }
}
