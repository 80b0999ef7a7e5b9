//! `POST /collect`: hits in, and an answer only when they are durable.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::answer;
use crate::body::Batch;
use crate::client::{Peer, named_site};
use crate::edge::Edge;
use crate::intake::{Received, receive, take};
use crate::media::{self, Form};

/// Takes the hits of one request.
pub(crate) async fn collect(
    State(edge): State<Arc<Edge>>,
    Extension(Peer(peer)): Extension<Peer>,
    uri: Uri,
    head: HeaderMap,
    body: Body,
) -> Response {
    let (form, encoding) = match media::of(&head) {
        Ok(media) => media,
        Err(unreadable) => return unreadable.answer(),
    };
    let Received { facts, held, decoded, place: _place } =
        match receive(&edge, peer.ip(), &uri, &head, encoding, body).await {
            Ok(received) => received,
            Err(answer) => return answer,
        };
    let batch = decoded.and_then(|()| {
        let mut batch = match form {
            Form::Json => Batch::parse(&held.bytes, edge.bounds.hits, &edge.limits)?,
            Form::Lines => Batch::lines(&held.bytes, edge.bounds.hits)?,
        };
        if let (None, Some(site)) = (&batch.site, named_site(&uri)?) {
            batch.site = Some(events::incoming::site(events::Text(site))?);
        }
        Ok(batch)
    });
    answer::verdict(take(&edge, batch, &held.bytes, &facts).await)
}
