//! `POST /api/webeventspub`: the endpoint of a tutorial on Flask and Kafka, so that pages with its snippet go on as they are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use events::foreign::web_event::{Refusal, WebEvent, field};
use events::{Invalid, Reason};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use serde::Serialize;

use crate::answer::{self, Response};
use crate::body::{Batch, utf8};
use crate::edge::Edge;
use crate::intake::{Received, Verdict, receive, take};
use crate::media::{self, Form, Unreadable};
use crate::named_site::named_site;

/// The endpoint's answers.
#[derive(Serialize, Debug)]
#[serde(rename_all = "lowercase")]
enum Said<'a> {
    Id(&'a str),
    Message(Message<'a>),
}

#[derive(Serialize, Debug)]
#[serde(untagged)]
enum Message<'a> {
    Body(&'a str),
    Field(BTreeMap<&'a str, &'a str>),
}

/// Takes the hit of one request.
pub(crate) async fn web_event(edge: &Edge, peer: IpAddr, head: &Parts, body: Incoming) -> Response {
    let encoding = match media::of(&head.headers) {
        Ok((Form::Json, encoding)) => encoding,
        Ok((Form::Lines, _)) => return Unreadable::Kind.answer(),
        Err(unreadable) => return unreadable.answer(),
    };
    let Received { facts, held, decoded, place: _place } = match receive(edge, peer, head, encoding, body).await {
        Ok(received) => received,
        Err(answer) => return answer,
    };
    let event = decoded.and_then(|()| read(&held.bytes, named_site(&head.uri)?));
    let batch = event.as_ref().map(|event| Batch::one(&event.hit)).map_err(Clone::clone);
    match (take(edge, batch, &held.bytes, &facts).await, event) {
        (Ok(Verdict::Hits(taken)), Ok(event)) => match taken.rejected.first() {
            Some((_, invalid)) if invalid.reason.is_pressure() => answer::verdict(Ok(Verdict::Hits(taken))),
            Some((_, invalid)) if !invalid.reason.is_unwanted() => {
                said(&format!("/{}", field(&invalid.pointer)), invalid)
            }
            _ => answer::with_cookies(answer::json(StatusCode::OK, &Said::Id(&event.id)), &taken.cookies),
        },
        (Ok(Verdict::Refused(invalid)), _) => said(&invalid.pointer, &invalid),
        (kept, _) => answer::verdict(kept),
    }
}

/// A refusal as the endpoint says it: by the field, where one is to blame.
fn said(pointer: &str, invalid: &Invalid) -> Response {
    let status =
        if invalid.reason == Reason::TooLarge { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
    let message = match pointer.strip_prefix('/') {
        Some(name) => Message::Field(BTreeMap::from([(name, &*invalid.detail)])),
        None => Message::Body(&invalid.detail),
    };
    answer::json(status, &Said::Message(message))
}

fn read(body: &[u8], site: Option<Cow<'_, str>>) -> Result<WebEvent, Invalid> {
    WebEvent::parse(utf8(body)?, site.as_deref()).map_err(|refusal| match refusal {
        Refusal::Body(invalid) => invalid,
        Refusal::Field(name, words) => Invalid::new(Reason::MissingField, format!("/{name}"), words),
    })
}
