//! The hits of a request, each checked and turned into its record, or into a rejection that says why not.

use std::borrow::Cow;

use bus::Outgoing;
use events::foreign::event_list;
use events::incoming::IncomingHit;
use events::{Invalid, Limits, NewHit, Rejection, Timestamp, Topic, Uuid};
use serde_json::value::RawValue;

use crate::body::Batch;
use crate::claims;
use crate::policy::{Facts, Moment, Place, Rules, Ruling, Salts};
use crate::rates::Rate;
use crate::time;

/// What a rejection calls us.
const ORIGIN: &str = "collect";

/// The longest detail.
const DETAIL_BYTES: usize = 512;

/// What the collector knows of a request beside its body.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    /// When the request was received.
    pub received_at: Timestamp,
    /// What the request says beside its body.
    pub facts: &'a Facts<'a>,
    /// What sites ask.
    pub rules: &'a Rules,
    /// What visitors without a cookie are told apart by.
    pub salts: &'a Salts,
    /// What one visitor may send.
    pub visitors: Option<&'a Rate>,
    /// Makes the id of a hit that has none.
    pub new_id: &'a (dyn Fn(Timestamp) -> Uuid + Send + Sync),
    /// Bounds on one hit.
    pub limits: &'a Limits,
}

/// What became of a request's hits.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The records to publish: hits and rejections, in the order of the request.
    pub records: Vec<Outgoing>,
    /// How many hits were taken.
    pub accepted: usize,
    /// Those that were not: the place in the request, and why.
    pub rejected: Vec<(usize, Invalid)>,
    /// What is to be counted of those that were.
    pub noted: Noted,
    /// Values of `Set-Cookie`.
    pub cookies: Vec<String>,
}

/// How many of the hits that were taken are of some kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Noted {
    /// Of people who ask not to be tracked, without identity.
    pub anonymous: u64,
    /// Of such people, on sites that do not care.
    pub ignored: u64,
    /// Of pages that were fetched before anybody asked for them.
    pub prefetched: u64,
}

/// Checks every hit of a request.
pub fn accept(batch: &Batch<'_>, sender: &Sender<'_>) -> Outcome {
    // One for each site, in the order in which they come; most requests have one.
    let mut rulings = Vec::with_capacity(1);
    let site = batch.site.as_deref().or(sender.facts.host);
    let translated: Vec<_> = batch.hits.iter().map(|json| event_list::to_json(json, site)).collect();
    let texts = batch.hits.iter().zip(&translated).map(|(json, ours)| match ours {
        Some(ours) => (ours.as_str(), Origin::Foreign),
        None => (*json, Origin::Own),
    });
    let hits: Vec<_> = texts.map(|(json, origin)| check(json, origin, batch, sender, &mut rulings)).collect();
    // One skew for the whole request, so that it keeps its inner order.
    let sent_at = batch.sent_at.or_else(|| hits.iter().flatten().filter_map(|(hit, _)| hit.sent_at).max());
    let skew = time::skew(sender.received_at, sent_at);

    let mut outcome = Outcome::default();
    for (index, hit) in hits.into_iter().enumerate() {
        let admitted = hit.and_then(|(mut hit, ruling)| {
            let corrected = time::event_time(hit.client_time, skew, sender.received_at);
            // Who may say it has a clock that is kept; it needs no correction.
            let event_time = hit.event_time.map_or(corrected, |time| time.min(sender.received_at));
            admit(&mut hit, event_time, &mut rulings[ruling], sender).map_err(|invalid| (invalid, Some(ruling)))?;
            Ok((hit, event_time, &rulings[ruling]))
        });
        match admitted {
            Ok((hit, event_time, ruling)) => {
                outcome.records.push(record(&hit, event_time, ruling, sender));
                outcome.noted.note(ruling);
                outcome.accepted += 1;
            }
            Err((mut invalid, ruling)) => {
                invalid.pointer.insert_str(0, &batch.pointer(index));
                shorten(&mut invalid);
                let raw = batch.hits[index].as_bytes();
                match ruling {
                    // Its sender has it still, and is told to come again; a record of each would make the flood larger.
                    _ if invalid.reason.is_pressure() => {}
                    Some(ruling) => {
                        let ruling = &rulings[ruling];
                        outcome.records.push(refuse(&invalid, raw, Some(ruling.site()), ruling, sender, Some(batch)));
                    }
                    None => {
                        let unplaced = sender.rules.unplaced(sender.facts);
                        outcome.records.push(refuse(
                            &invalid,
                            raw,
                            batch.site.as_deref(),
                            &unplaced,
                            sender,
                            Some(batch),
                        ));
                    }
                }
                outcome.rejected.push((index, invalid));
            }
        }
    }
    outcome.cookies = rulings.iter().filter_map(Ruling::set_cookie).collect();
    outcome
}

impl Noted {
    fn note(&mut self, ruling: &Ruling<'_>) {
        self.prefetched += u64::from(ruling.purpose().is_some());
        if ruling.privacy().is_some() {
            let done = if ruling.is_anonymous() { &mut self.anonymous } else { &mut self.ignored };
            *done += 1;
        }
    }
}

/// Cuts a detail that quotes too much of what was sent: a name of a megabyte must make neither the answer nor the
/// record as large.
pub(crate) fn shorten(invalid: &mut Invalid) {
    if invalid.detail.len() > DETAIL_BYTES {
        invalid.detail.truncate(invalid.detail.floor_char_boundary(DETAIL_BYTES));
        invalid.detail.push('…');
    }
}

/// The record of something refused, a whole body or a hit of a batch, with what the ruling lets be kept of it.
pub fn refuse(
    invalid: &Invalid,
    raw: &[u8],
    site: Option<&str>,
    ruling: &Ruling<'_>,
    sender: &Sender<'_>,
    batch: Option<&Batch<'_>>,
) -> Outgoing {
    let mut rejection = Rejection::new(invalid.reason, &*invalid.detail, ORIGIN, sender.received_at, raw);
    rejection.pointer = (!invalid.pointer.is_empty()).then(|| invalid.pointer.as_str().into());
    rejection.site = site.map(Into::into);
    rejection.ip = ruling.ip().map(Into::into);
    if !ruling.keeps_raw() {
        (rejection.raw, rejection.raw_truncated) = (None, false);
    } else if let Some(batch) = batch {
        // What `raw` does not say of itself: whoever sends it in again needs it.
        rejection.visitor_id = batch.visitor_id.as_deref().map(Into::into);
        rejection.sent_at = batch.sent_at;
    }
    Outgoing {
        topic: Topic::Rejected,
        partition: None,
        key: None,
        value: rejection.to_json().into(),
        append_time: None,
    }
}

/// In whose words a hit came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Own,
    /// It was put into ours.
    Foreign,
}

/// Reads one hit, fills in what the envelope says, and checks what is left to check. Beside it stands which ruling it is
/// under; where it has none, nobody can tell its site.
fn check<'a, 's>(
    json: &'a str,
    origin: Origin,
    batch: &Batch<'a>,
    sender: &Sender<'s>,
    rulings: &mut Vec<Ruling<'s>>,
) -> Result<(IncomingHit<'a>, usize), (Invalid, Option<usize>)> {
    let mut hit = IncomingHit::parse(json, sender.limits).map_err(|invalid| (invalid, None))?;
    hit.site = hit.site.or_else(|| batch.site.clone());
    hit.visitor_id = hit.visitor_id.or_else(|| batch.visitor_id.clone());
    hit.sent_at = hit.sent_at.or(batch.sent_at);
    let Some(site) = hit.site.as_deref() else {
        let invalid = hit.complete(sender.received_at, sender.limits).expect_err("a hit needs a site");
        return Err((invalid, None));
    };
    let place = rulings.iter().rposition(|ruling| ruling.site() == site).unwrap_or_else(|| {
        rulings.push(sender.rules.ruling(site, sender.facts));
        rulings.len() - 1
    });
    judge(&mut hit, origin, &rulings[place], sender).map_err(|invalid| (invalid, Some(place)))?;
    Ok((hit, place))
}

fn judge(hit: &mut IncomingHit<'_>, origin: Origin, ruling: &Ruling<'_>, sender: &Sender<'_>) -> Result<(), Invalid> {
    ruling.judge(hit, sender.facts, sender.limits)?;
    // A foreign hit has no other place for a user agent; it claims no more by that than a header may.
    if origin == Origin::Own {
        claims::check(hit, ruling, sender)?;
    }
    hit.complete(sender.received_at, sender.limits)
}

/// Says who the visitor is, and counts the hit.
fn admit(
    hit: &mut IncomingHit<'_>,
    event_time: Timestamp,
    ruling: &mut Ruling<'_>,
    sender: &Sender<'_>,
) -> Result<(), Invalid> {
    let Sender { received_at, facts, salts, new_id, .. } = *sender;
    ruling.identify(hit, &Moment { event_time, received_at, facts, salts, new_id });
    ruling.count(hit, sender.visitors)
}

fn record(hit: &IncomingHit<'_>, event_time: Timestamp, ruling: &Ruling<'_>, sender: &Sender<'_>) -> Outgoing {
    let hit_id = hit.hit_id.unwrap_or_else(|| (sender.new_id)(sender.received_at));
    let site = hit.site.as_deref().expect("a hit without a site was refused");
    let kind = hit.kind.as_deref().unwrap_or("pageview");
    let header = sender.facts.user_agent.as_deref();
    let header = header.map(|text| &text[..text.floor_char_boundary(sender.limits.text_bytes)]);
    let claimed_ip = hit.ip.map(|address| ruling.ip_of(address));
    // Of an address that somebody else sent from, nothing is known.
    let place = if hit.ip.is_some() { &Place::default() } else { &sender.facts.place };
    let props = hit.props.as_deref().map(one_line);
    let new = NewHit {
        visitor_id: hit.visitor_id.as_deref(),
        user_id: hit.user_id.as_deref(),
        client_time: hit.client_time,
        sent_at: hit.sent_at,
        url: hit.url.as_deref(),
        title: hit.title.as_deref(),
        referrer: hit.referrer.as_deref(),
        language: hit.language.as_deref(),
        timezone: hit.timezone.as_deref(),
        screen: hit.screen.as_deref(),
        user_agent: hit.user_agent.as_deref().or(header),
        ip: claimed_ip.as_ref().map_or_else(|| ruling.ip(), Option::as_deref),
        country: place.country.as_deref(),
        region: place.region.as_deref(),
        privacy: ruling.privacy(),
        purpose: ruling.purpose(),
        site_timezone: ruling.time_zone(),
        props: props.as_deref(),
        ..NewHit::new(hit_id, site, kind, event_time, sender.received_at)
    };
    Outgoing {
        topic: Topic::Hits,
        partition: None,
        key: Some(new.key().into()),
        value: new.to_json().into(),
        append_time: None,
    }
}

/// Props on one line, so that a record is one line wherever it is shown. A line break outside a JSON string is
/// only space, and inside one it cannot stand.
fn one_line(props: &RawValue) -> Cow<'_, RawValue> {
    if !props.get().contains(['\n', '\r']) {
        return Cow::Borrowed(props);
    }
    let text = props.get().replace(['\n', '\r'], " ");
    Cow::Owned(RawValue::from_string(text).expect("space for space leaves JSON what it was"))
}

#[cfg(test)]
mod tests;
