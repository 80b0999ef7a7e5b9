//! `POST /collect`: hits in, and an answer only when they are durable.

use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::http::request::Parts;

use crate::answer::{self, Response};
use crate::body::Batch;
use crate::edge::Edge;
use crate::intake::{Received, receive, take};
use crate::media::{self, Form};
use crate::named_site::named_site;

/// Takes the hits of one request.
pub(crate) async fn collect(edge: &Edge, peer: IpAddr, head: &Parts, body: Incoming) -> Response {
    let (form, encoding) = match media::of(&head.headers) {
        Ok(media) => media,
        Err(unreadable) => return unreadable.answer(),
    };
    let Received { facts, held, decoded, place: _place } = match receive(edge, peer, head, encoding, body).await {
        Ok(received) => received,
        Err(answer) => return answer,
    };
    let batch = decoded.and_then(|()| {
        let mut batch = match form {
            Form::Json => Batch::parse(&held.bytes, edge.bounds.hits, &edge.limits)?,
            Form::Lines => Batch::lines(&held.bytes, edge.bounds.hits)?,
        };
        if let (None, Some(site)) = (&batch.site, named_site(&head.uri)?) {
            batch.site = Some(events::incoming::site(events::Text(site))?);
        }
        Ok(batch)
    });
    answer::verdict(take(edge, batch, &held.bytes, &facts).await)
}
